"""Turns of an account with a spending limit: model, local answerer, people; never silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ai_model.models import Assistant, Reservation, Turn, Usage
from ai_model.tests import loopback
from ai_model.tests.loopback import ModelServer
from ai_model.tests.test_answering import drafted
from ai_model.why import explain
from conversations.models import Conversation, Message
from conversations.tests.acting import say
from core.tests.network import eventually
from escalation.models import Escalation
from knowledge.tests.factories import EntryFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

QUESTION = "How long does delivery take?"
BODY = "Delivery takes three working days. Parcels leave our warehouse at noon."
#: Of `gpt-6-luna`, in dollars, for what the loopback says it has read and written.
COST = (900 * 0.10 + 12 * 0.50) / 1_000_000


@pytest.fixture
def server(settings: Any) -> Iterator[ModelServer]:
    """A model that answers right."""
    with ModelServer() as running:
        settings.OPENAI_API_KEY = "key-1"
        settings.OPENAI_BASE_URL = f"{running.url}/v1"
        settings.OPENAI_MODEL = "gpt-6-luna"
        quote = "Delivery takes three working days."
        running.script(
            loopback.answer(text=drafted("It takes three days.", quote=quote))
        )
        yield running


@pytest.fixture
def entries(account: Any) -> None:
    for title, body in {
        QUESTION: BODY,
        "Returning an item": "You may send it back within 30 days for a full refund.",
        "Gift cards": "Gift cards are valid for two years and cannot be paid out.",
    }.items():
        EntryFactory(account=account, title=title, body=body)


def limited(account: Any, *chain: str, **limits: Any) -> Assistant:
    return Assistant.objects.create(account=account, chain=list(chain), **limits)


def settled(count: int) -> list[Message]:
    rows = Message.objects.filter(author="contact").exclude(state="waiting")
    eventually(lambda: rows.count() == count, 120)
    return list(rows.order_by("pk"))


def asked_one_by_one(channel: Any, count: int) -> list[Message]:
    for number in range(count):
        say(channel, QUESTION, thread=f"t{number}")
        settled(number + 1)
    return settled(count)


def test_the_local_answerer_takes_over_and_the_turn_says_why(
    engine: Any, channel: Any, account: Any, entries: None, server: ModelServer
) -> None:
    limited(account, "openai", "local", daily_request_limit=1)

    _first, second = asked_one_by_one(channel, 2)

    turns = Turn.objects.order_by("pk")
    assert [(each.state, each.provider) for each in turns] == [
        ("answered", "openai"), ("answered", "local"),
    ]  # fmt: skip
    assert turns[1].failures == [["openai", "spending_limit"]]
    assert len(server.requests) == 1
    assert not Reservation.objects.exists()
    told = explain(second).lines
    assert "Provider openai was not asked: the spending limit was reached." in told


def test_people_have_it_where_the_local_answerer_may_not(
    engine: Any, channel: Any, account: Any, entries: None, server: ModelServer
) -> None:
    limited(account, "openai", daily_cost_limit=0)

    (question,) = asked_one_by_one(channel, 1)

    conversation = Conversation.objects.get()
    reply = Message.objects.get(author="assistant")
    assert (question.state, question.reason) == ("handed_over", "budget")
    assert (conversation.status, conversation.status_reason) == (
        "support_active", "budget",
    )  # fmt: skip
    assert "I have told a colleague" in reply.text
    assert (Turn.objects.get().reason, server.requests) == ("budget", [])
    assert Escalation.objects.get().reason == "budget"
    told = explain(question).lines
    assert any(
        "the spending limit was reached, so no model was asked" in each for each in told
    )


def test_a_call_that_failed_is_released(
    engine: Any, channel: Any, account: Any, entries: None, server: ModelServer
) -> None:
    limited(account, "openai", "local", daily_request_limit=1)
    server.script("400")

    asked_one_by_one(channel, 2)

    assert not Reservation.objects.exists()
    used = Usage.objects.get(provider="openai")
    assert (used.requests, used.failures, used.model) == (0, 2, "gpt-6-luna")


def test_two_hundred_turns_at_once_go_over_by_one_call_at_most(
    engine: Any, channel: Any, account: Any, entries: None, server: ModelServer
) -> None:
    limited(account, "openai", "local", monthly_cost_limit="0.0030")

    for number in range(200):
        say(channel, QUESTION, thread=f"t{number}")
    messages = settled(200)

    assert {each.state for each in messages} == {"answered"}
    assert Message.objects.filter(author="assistant").count() == 200
    used = Usage.objects.get(provider="openai")
    assert 0 < used.requests == len(server.requests) < 200
    assert float(used.cost) <= 0.0030 + COST
    assert not Reservation.objects.exists()
    assert Turn.objects.filter(provider="local").count() == 200 - used.requests
