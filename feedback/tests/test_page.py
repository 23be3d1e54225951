"""The thumbs of the chat page: rated by the session that was answered."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.urls import reverse

from conversations.models import Conversation, Message
from conversations.tests.acting import commit, say
from core.tests.asgi import call, call_json
from feedback.models import Feedback
from integrations.tests.factories import ChannelFactory

pytestmark = pytest.mark.django_db(transaction=True)

SESSION = "f3a1c2d4-0000-4000-8000-1234567890ab"
THUMB = {"feedback_type": "helpful"}


@pytest.fixture
def answer(channel: Any) -> Message:
    """An answer that a session of the chat page has got."""
    say(channel, "How long does delivery take?", thread=SESSION)
    commit(
        Conversation.objects.get(),
        sources=[{"title": "Delivery", "entry_id": "d-1", "confidence": 0.9}],
    )
    return Message.objects.get(author="assistant")


def rate(channel: Any, name: Any, payload: Any = None, **options: Any) -> Any:
    session = options.pop("session", SESSION)
    return call_json(
        f"/api/chat/{options.pop('path', channel.uuid)}/messages/{name}/feedback",
        THUMB if payload is None else payload,
        headers={"x-channel-key": channel.key, "x-session-id": session},
        **options,
    )


def read(channel: Any) -> Any:
    headers = {"x-channel-key": channel.key, "x-session-id": SESSION}
    path = f"/api/chat/{channel.uuid}/messages"
    return call(path, method="GET", headers=headers).json["messages"]


def test_a_session_rates_its_answer_and_reads_that_it_did(
    channel: Any, answer: Message
) -> None:
    assert [each["feedback_type"] for each in read(channel)] == [None, None]

    found = rate(channel, answer.uuid)

    assert (found.status, found.json) == (200, {"success": True})
    row = Feedback.objects.get()
    assert (row.message, row.rating, row.agent_type) == (answer, "helpful", "customer")
    assert [each["feedback_type"] for each in read(channel)] == [None, "helpful"]


@pytest.mark.parametrize("comment", ["", None])
def test_nothing_need_be_said_with_it(
    channel: Any, answer: Message, comment: str | None
) -> None:
    assert rate(channel, answer.uuid, {**THUMB, "comment": comment}).status == 200
    assert Feedback.objects.get().comment == ""


def test_it_is_rated_once(channel: Any, answer: Message) -> None:
    rate(channel, answer.uuid)

    assert rate(channel, answer.uuid).status == 200
    other = rate(channel, answer.uuid, {"feedback_type": "unhelpful"})
    assert (other.status, other.json["success"]) == (409, False)
    assert Feedback.objects.get().rating == "helpful"


def test_an_offer_of_a_person_gets_no_rating(channel: Any) -> None:
    say(channel, "Who won in 1972?", thread=SESSION)
    commit(
        Conversation.objects.get(),
        "May I get a person for you?",
        outcome=Message.State.HANDED_OVER,
        reason="low_confidence",
    )

    found = rate(channel, Message.objects.get(author="assistant").uuid)

    assert (found.status, found.json["code"]) == (409, "not_rateable")


def test_nobody_elses_message_can_be_rated(channel: Any, answer: Message) -> None:
    other = ChannelFactory()
    question = Message.objects.get(author="contact")

    assert rate(channel, answer.uuid, session=SESSION[:-1] + "0").status == 404
    assert rate(other, answer.uuid).status == 404
    assert rate(other, answer.uuid, path=channel.uuid).status == 404
    assert rate(channel, question.uuid).status == 404
    assert rate(channel, uuid.uuid4()).status == 404
    assert not Feedback.objects.exists()


@pytest.mark.parametrize("session", ["", "short"])
def test_a_session_that_could_be_guessed_is_refused(
    channel: Any, answer: Message, session: str
) -> None:
    assert rate(channel, answer.uuid, session=session).status == 401


@pytest.mark.parametrize("payload", [{}, {"feedback_type": "up"}, [], "x"])
def test_a_value_that_is_none_is_refused(
    channel: Any, answer: Message, payload: Any
) -> None:
    assert rate(channel, answer.uuid, payload).status == 400
    assert not Feedback.objects.exists()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_rating_takes_post_only(channel: Any, answer: Message, method: str) -> None:
    assert rate(channel, answer.uuid, method=method).status == 405


def test_the_desk_shows_what_the_customer_said(
    client: Any, bob: Any, channel: Any, answer: Message
) -> None:
    rate(channel, answer.uuid, {"feedback_type": "unhelpful", "comment": "<b>Old."})
    client.force_login(bob)

    thread = reverse("desk-thread", args=[answer.conversation.uuid])
    page = client.get(thread).content.decode()

    assert "Rated by the customer · Not helpful · &lt;b&gt;Old." in page


def test_the_desk_shows_nothing_of_what_was_not_rated(
    client: Any, bob: Any, answer: Message
) -> None:
    client.force_login(bob)

    thread = reverse("desk-thread", args=[answer.conversation.uuid])

    assert "Rated by the customer" not in client.get(thread).content.decode()
