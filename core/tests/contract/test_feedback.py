"""The contract's feedback endpoint, sentence by sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from core.tests.contract.crm import KNOWN, UNKNOWN, Crm

if TYPE_CHECKING:
    from core.tests.contract.crm import Reply

PATH = "/api/feedback"


@pytest.fixture
def answer(crm: Crm) -> Reply:
    """A confident answer, below which thumbs are shown."""
    return crm.ask(KNOWN)


@pytest.mark.parametrize("kind", ["helpful", "unhelpful"])
def test_an_answer_is_rated_with_a_thumb(crm: Crm, answer: Reply, kind: str) -> None:
    reply = crm.post(PATH, crm.rating(KNOWN, answer, feedback_type=kind))

    assert (reply.status, reply.json) == (200, {"success": True})


def test_another_thumb_is_none(crm: Crm, answer: Reply) -> None:
    reply = crm.post(PATH, crm.rating(KNOWN, answer, feedback_type="great"))

    assert reply.status == 400
    assert "feedback_type" in reply.json["detail"]


@pytest.mark.parametrize(
    "name",
    [
        "message_id", "session_id", "feedback_type", "query", "response", "agent_type",
        "user_info",
    ],
)  # fmt: skip
def test_what_is_required_must_be_there(crm: Crm, answer: Reply, name: str) -> None:
    sent = crm.rating(KNOWN, answer)
    del sent[name]

    reply = crm.post(PATH, sent)

    assert reply.status == 400
    assert name in reply.json["detail"]


@pytest.mark.parametrize("name", ["agent_id", "email", "full_name"])
def test_what_is_required_of_the_user_must_be_there(
    crm: Crm, answer: Reply, name: str
) -> None:
    sent = crm.rating(KNOWN, answer)
    del sent["user_info"][name]

    reply = crm.post(PATH, sent)

    assert reply.status == 400
    assert f"user_info.{name}" in reply.json["detail"]


@pytest.mark.parametrize("name", ["confidence_score", "sources_used"])
def test_what_is_optional_may_be_missing(crm: Crm, answer: Reply, name: str) -> None:
    sent = crm.rating(KNOWN, answer)
    del sent[name]

    assert crm.post(PATH, sent).status == 200
    assert crm.post(PATH, {**sent, name: None}).status == 200


def test_the_messages_id_is_the_crms_own(crm: Crm, answer: Reply) -> None:
    sent = crm.rating(KNOWN, answer, message_id="my-own-id/7")

    assert crm.post(PATH, sent).status == 200


@pytest.mark.parametrize("agent_type", ["customer", "support", "test"])
def test_every_agents_answers_are_rated(send: Any, agent_type: str) -> None:
    crm = Crm(send, agent_type)
    answer = crm.ask(KNOWN)

    assert crm.post(PATH, crm.rating(KNOWN, answer)).status == 200


def test_a_message_is_rated_once(crm: Crm, answer: Reply) -> None:
    sent = crm.rating(KNOWN, answer)
    crm.post(PATH, sent)

    again = crm.post(PATH, {**sent, "feedback_type": "unhelpful"})

    assert again.status == 409
    assert again.json["success"] is False
    assert isinstance(again.json["detail"], str)


def test_the_same_rating_of_a_client_that_retries_is_not_a_second_one(
    crm: Crm, answer: Reply
) -> None:
    sent = crm.rating(KNOWN, answer)

    replies = [crm.post(PATH, sent) for _ in range(3)]

    assert [each.status for each in replies] == [200, 200, 200]


def test_what_asks_for_escalation_is_not_rated(crm: Crm) -> None:
    poor = crm.ask(UNKNOWN)

    reply = crm.post(PATH, crm.rating(UNKNOWN, poor))

    assert reply.status == 409
    assert isinstance(reply.json["detail"], str)


def test_one_user_does_not_rate_anothers_answers(
    send: Any, crm: Crm, answer: Reply
) -> None:
    other = Crm(send)

    reply = other.post(PATH, other.rating(KNOWN, answer))

    assert reply.status == 404


def test_after_a_rating_the_chat_goes_on(crm: Crm, answer: Reply) -> None:
    crm.post(PATH, crm.rating(KNOWN, answer))

    assert crm.ask("Hello").status == 200
