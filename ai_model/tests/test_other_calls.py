"""Calls of models beside those of turns: drafts, trials, evaluations, encoders, programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from django.core.management import CommandError, call_command

from ai_model import authoring, usage
from ai_model.authoring import Order
from ai_model.metering import Call, Meter
from ai_model.models import Assistant, Reservation, Usage
from ai_model.tests import loopback
from ai_model.tests.test_limited_turns import entries as entries
from ai_model.tests.test_limited_turns import server as server
from ai_model.tests.test_status_api import client_of
from knowledge import embedders
from knowledge.learning import add_examples
from knowledge.models import Example, Vector
from knowledge.rebuilding import rebuild
from knowledge.tests.factories import EntryFactory

if TYPE_CHECKING:
    from accounts.models import Account, User
    from ai_model.tests.loopback import ModelServer

pytestmark = pytest.mark.django_db

ORDERS = [Order("Write a word.", "Write.") for _ in range(3)]


def limited(account: Account, most: int | None = None) -> Assistant:
    made: Assistant = Assistant.objects.create(
        account=account, chain=["openai", "local"], daily_request_limit=most
    )
    return made


def spend(account: Account, requests: int) -> None:
    meter = Meter(account.pk)
    for _ in range(requests):
        meter.count(Call("openai", "gpt-6-luna", "", 10, 5))
    usage.settle([meter])


def used(provider: str = "openai") -> tuple[int, int]:
    rows = Usage.objects.filter(provider=provider)
    return sum(each.requests for each in rows), sum(each.failures for each in rows)


# Drafts and questions that models write ----------------------------------------------


def test_what_models_write_in_the_background_is_counted(
    account: Account, server: ModelServer
) -> None:
    server.script(loopback.answer(text='"yes"'))

    written = authoring.write(ORDERS, limited(account))

    assert written == ["yes"] * 3
    assert used() == (3, 0)


def test_it_keeps_to_the_limit_and_is_released(
    account: Account, server: ModelServer
) -> None:
    assistant = limited(account, 2)
    server.script(loopback.answer(text='"yes"'))

    written = authoring.write(ORDERS, assistant)

    assert written == ["yes", "yes", None]
    assert (used(), len(server.requests)) == ((2, 0), 2)
    assert not Reservation.objects.exists()
    assert not authoring.can_write(assistant)


# Commands ------------------------------------------------------------------------------


def test_a_trial_counts_for_an_account_that_uses_the_model(
    account: Account, server: ModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    limited(account, 0)

    call_command("ai_control", "test", "--json")

    capsys.readouterr()
    assert used() == (1, 0)
    assert Usage.objects.get(provider="openai").account == account


def test_a_trial_that_fails_counts_as_a_failure(
    account: Account, server: ModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.script("401")

    with pytest.raises(CommandError):
        call_command("ai_control", "test", "--json")

    assert used() == (0, 1)


def test_status_and_validate_tell_how_the_limits_stand(
    account: Account, server: ModelServer, settings: Any, capsys: Any
) -> None:
    settings.OPENAI_MODEL = "llama-of-our-own"
    assistant = limited(account, 4)
    assistant.monthly_cost_limit = 5
    assistant.save()
    spend(account, 4)

    call_command("ai_control", "status", "--json")
    (status,) = json.loads(capsys.readouterr().out)
    with pytest.raises(CommandError):
        call_command("ai_control", "validate", "--json")
    found = {each["code"]: each for each in json.loads(capsys.readouterr().out)}

    assert status["spending"] == (
        "4 of 4 requests a day: reached, 0.000014 of 5 cost a month: ok"
    )
    assert found["spending_limit"]["problem"] == (
        "A spending limit is reached: 4 of 4 requests are spent."
    )
    assert "llama-of-our-own has no price" in found["model_without_price"]["problem"]
    assert "/admin/ai_model/price/" in found["model_without_price"]["mend"]


def test_an_evaluation_counts_and_stops_at_the_limit(
    account: Account, server: ModelServer, entries: None, tmp_path: Any
) -> None:
    limited(account, 2)
    entry = EntryFactory(
        account=account, title="Opening hours", body="From nine to five."
    )
    add_examples(
        account=account,
        items=[(entry.public_id, f"Are you open on day {n}?") for n in range(6)],
        origin=Example.Origin.CONFIRMED,
        status=Example.Status.APPROVED,
    )
    server.script(loopback.answer(text="no json"))

    spend(account, 2)
    with pytest.raises(
        CommandError, match="The spending limit of Alice's Shop is reach"
    ):
        call_command("evaluate", account.name, "--model", "openai=gpt-6-luna")

    assert used() == (2, 0)
    assert server.requests == []


# Encoders ------------------------------------------------------------------------------


@pytest.fixture
def service(settings: Any, network: Any) -> Any:
    settings.EMBEDDINGS = "openai"
    settings.EMBEDDINGS_API_KEY = "key"
    settings.EMBEDDINGS_BASE_URL = "http://127.0.0.1:9/v1"
    settings.EMBEDDINGS_MODEL = "tiny"
    return network


def vectors(request: httpx2.Request) -> httpx2.Response:
    texts = json.loads(request.content)["input"]
    data = [{"index": place, "embedding": [1.0, 0.0]} for place in range(len(texts))]
    return httpx2.Response(200, json={"data": data})


def test_vectors_that_a_service_makes_are_counted(
    account: Account, service: Any
) -> None:
    EntryFactory(account=account, title="Parcels", body="They take three days.")
    service.answer(vectors)

    rebuild(account, embedders.current())

    row = Usage.objects.get()
    assert (row.account, row.provider, row.model) == (account, "openai", "tiny")
    assert (row.requests, row.tokens_out) == (1, 0)
    assert row.tokens_in >= 5


def test_none_are_made_once_the_limit_is_reached(
    account: Account, service: Any
) -> None:
    limited(account, 0)
    EntryFactory(account=account)

    rebuild(account, embedders.current())

    assert service.requests == []
    assert not Vector.objects.exists()


# Programs ------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_usage_is_counted_for_the_user_whose_program_asks(
    engine: Any, account: Account, bob: User, entries: None, server: ModelServer
) -> None:
    limited(account)

    asked = client_of(bob).post(
        "/api/v1/ai/ask/",
        {"question": "How long does delivery take?", "customer_id": "c1"},
        format="json",
    )

    assert asked.json()["success"]
    found = client_of(bob).get("/api/v1/ai/usage/stats/").json()
    assert [(each["user"], each["requests"]) for each in found["by_user"]] == [
        ("bob", 1)
    ]
    assert found["total"]["requests"] == 1
