"""`POST /api/agent-failure/` and `…/decline`, to the letter of their contract."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from conversations import services, sessions
from conversations.identity import Person
from conversations.models import Conversation, Message
from conversations.tests.acting import say
from core.tests.asgi import acall, call, call_json
from escalation.models import Escalation
from escalation.tests.crm import (
    FAILURES,
    PERSON,
    QUESTION,
    SESSION,
    act,
    ask,
    failure,
    report,
)
from feedback.models import Feedback
from integrations.tests.factories import ChannelFactory
from knowledge.tests.factories import EntryFactory

pytestmark = pytest.mark.django_db(transaction=True)

KNOWN = "How long does delivery take?"
WAYS = ["create-ticket", "decline"]
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def offered(engine: Any, channel: Any) -> dict[str, Any]:
    """A reply that offers a person."""
    reply = ask()
    assert reply["requires_escalation"] is True
    return reply


@pytest.fixture
def answered(engine: Any, channel: Any, account: Any) -> dict[str, Any]:
    """A reply that the assistant is sure of."""
    EntryFactory(account=account, title=KNOWN, body="Delivery takes three days.")
    EntryFactory(account=account, title="Gift cards", body="Valid for two years.")
    reply = ask(KNOWN)
    assert reply["requires_escalation"] is False
    return reply


def rate(reply: dict[str, Any], query: str) -> Any:
    return call_json(
        "/api/feedback",
        {
            "message_id": "1",
            "session_id": SESSION,
            "feedback_type": "helpful",
            "query": query,
            "response": reply["response"],
            "agent_type": "support",
            "user_info": {
                "agent_id": "crm_user_456",
                "email": "jane@company.com",
                "full_name": "Jane Smith",
            },
        },
    )


# --- A failure ----------------------------------------------------------------


def test_a_failure_is_the_escalation_that_is_open_already(
    offered: dict[str, Any], account: Any
) -> None:
    answer = report(offered)

    row = Escalation.objects.get()
    assert answer.status == 200
    assert answer.json == {"failure_id": str(row.uuid), "id": str(row.uuid)}
    assert (row.account, row.state, row.reason) == (account, "offered", "no_results")
    assert row.question.text == QUESTION
    assert row.reply is not None
    assert row.shown == row.reply.text == offered["response"]
    assert (row.agent_id, row.agent_type) == ("crm_user_456", "support")
    assert (row.name, row.email) == ("Jane Smith", "jane@company.com")
    assert (row.agency, row.office) == ("Sales", "Cape Town")


def test_who_has_no_signature_may_send_null(offered: dict[str, Any]) -> None:
    assert report(offered, signature=None).status == 200


def test_a_repeated_report_gives_the_same_failure(offered: dict[str, Any]) -> None:
    first = report(offered)

    again = report(offered, user_name="Somebody else")

    assert again.json == first.json
    assert Escalation.objects.get().name == "Jane Smith"


def test_the_same_words_twice_are_two_failures(offered: dict[str, Any]) -> None:
    first = report(offered).json["failure_id"]
    assert ask()["response"] == offered["response"]

    assert report(offered).json["failure_id"] != first


def test_of_two_questions_the_right_one_is_meant(offered: dict[str, Any]) -> None:
    other = "Who won the chess championship in 1972?"
    assert ask(other)["response"] == offered["response"]

    found = report(offered, query=f" {QUESTION}\n").json["failure_id"]

    assert Escalation.objects.get(uuid=found).question.text == QUESTION


def test_a_client_that_saw_no_answer_reports_its_question(
    offered: dict[str, Any],
) -> None:
    answer = report(agent_response="", escalation_reason="timeout")

    row = Escalation.objects.get()
    assert answer.json["failure_id"] == str(row.uuid)
    # What we know of it counts more than what it looked like from there.
    assert (row.reason, row.question.text) == ("no_results", QUESTION)


def test_a_question_that_never_reached_us_is_stored_with_its_failure(
    channel: Any, account: Any
) -> None:
    answer = report(agent_response="", escalation_reason="timeout")

    row = Escalation.objects.get()
    assert answer.json["failure_id"] == str(row.uuid)
    assert (row.account, row.state, row.reason) == (account, "offered", "timeout")
    assert (row.reply, row.confidence) == (None, 0.35)
    question = Message.objects.get()
    assert (question.text, question.state) == (QUESTION, "handed_over")
    assert row.question == question
    conversation = Conversation.objects.get()
    assert conversation.needs_person
    assert (conversation.due_at, conversation.contact.name) == (None, "Jane Smith")
    assert report(agent_response="").json == answer.json


def test_a_question_that_still_waits_can_be_reported(channel: Any) -> None:
    person = Person(PERSON["agent_id"])
    thread = sessions.find(channel, "support", person, SESSION).thread
    say(channel, QUESTION, thread=thread)

    report(agent_response="", escalation_reason="timeout")

    assert Escalation.objects.get().question == Message.objects.get()
    assert Message.objects.get().state == "waiting"


def test_a_confident_reply_that_did_not_help_is_escalated_and_no_longer_rated(
    answered: dict[str, Any],
) -> None:
    assert report(answered, query=KNOWN).status == 200

    answer = rate(answered, KNOWN)

    assert (answer.status, answer.json["code"]) == (409, "not_rateable")
    assert Escalation.objects.get().state == "offered"
    assert not Feedback.objects.exists()


def test_a_reply_that_was_rated_is_not_escalated(answered: dict[str, Any]) -> None:
    assert rate(answered, KNOWN).status == 200

    answer = report(answered, query=KNOWN)

    assert (answer.status, answer.json["code"]) == (409, "already_rated")
    assert set(answer.json) == {"detail", "error", "code"}
    assert not Escalation.objects.exists()


def test_rating_and_reporting_at_once_leave_one(answered: dict[str, Any]) -> None:
    headers = {"content-type": "application/json"}
    rating = {
        "message_id": "1",
        "session_id": SESSION,
        "feedback_type": "helpful",
        "query": KNOWN,
        "response": answered["response"],
        "agent_type": "support",
        "user_info": {"agent_id": "crm_user_456", "email": "j@c.com", "full_name": "J"},
    }
    reported = failure(query=KNOWN, agent_response=answered["response"])

    async def run() -> list[Any]:
        sent = [("/api/feedback", rating), (FAILURES, reported)] * 4
        return await asyncio.gather(
            *(
                acall(path, json.dumps(each).encode(), headers=headers)
                for path, each in sent
            )
        )

    answers = async_to_sync(run)()

    assert Feedback.objects.count() + Escalation.objects.count() == 1
    assert sorted(each.status for each in answers) == [200] * 4 + [409] * 4


def test_reports_at_once_open_one(channel: Any) -> None:
    headers = {"content-type": "application/json"}
    body = json.dumps(failure()).encode()

    async def run() -> list[Any]:
        calls = (acall(FAILURES, body, headers=headers) for _ in range(6))
        return await asyncio.gather(*calls)

    answers = async_to_sync(run)()

    assert {each.status for each in answers} == {200}
    assert {each.json["id"] for each in answers} == {str(Escalation.objects.get().uuid)}
    assert Message.objects.count() == 1


# --- Declining ----------------------------------------------------------------


def test_declining_needs_no_body(offered: dict[str, Any]) -> None:
    id_ = report(offered).json["failure_id"]

    for body in (b"", b"{}", b"not JSON"):
        for headers in ({}, {"content-type": "application/json"}):
            answer = call(f"{FAILURES}{id_}/decline", body, headers=headers)
            assert (answer.status, answer.json) == (200, {"success": True})

    assert Escalation.objects.get().state == "declined"
    assert not Conversation.objects.get().needs_person


def test_what_a_person_has_taken_is_not_declined_any_more(
    offered: dict[str, Any], bob: Any
) -> None:
    id_ = report(offered).json["failure_id"]
    services.hand_off(
        conversation=Conversation.objects.get(), reason="taken_over", user=bob
    )

    assert act(id_, "decline").json == {"success": True}
    assert Escalation.objects.get().state == "acknowledged"


# --- Nobody else's ------------------------------------------------------------


@pytest.mark.parametrize("what", WAYS)
def test_another_channels_failure_is_not_found(
    offered: dict[str, Any], what: str
) -> None:
    id_ = report(offered).json["failure_id"]
    other = {"x-channel-key": ChannelFactory().key}

    answer = act(id_, what, {"conversation_history": []}, headers=other)

    assert (answer.status, answer.json["code"]) == (404, "unknown_failure")
    assert set(answer.json) == {"detail", "error", "code"}
    assert Escalation.objects.get().state == "offered"


@pytest.mark.parametrize("what", WAYS)
def test_an_unknown_failure_is_not_found(channel: Any, what: str) -> None:
    for id_ in (NOBODY, "abc-123-def", "1"):
        answer = act(id_, what, {"conversation_history": []})
        assert answer.status == 404
        assert set(answer.json) == {"detail", "error", "code"}


@pytest.mark.parametrize(
    "changes",
    [{"session_id": "another"}, {"agent_id": "somebody"}, {"agent_type": "customer"}],
)
def test_anothers_session_is_another_question(
    offered: dict[str, Any], changes: dict[str, Any]
) -> None:
    mine = report(offered).json

    theirs = report(offered, **changes).json

    assert theirs != mine
    assert Conversation.objects.count() == 2


# --- What is no failure -------------------------------------------------------


@pytest.mark.parametrize("name", sorted(failure()))
def test_each_field_is_needed_and_checked(channel: Any, name: str) -> None:
    missing = {key: value for key, value in failure().items() if key != name}
    wrong = [{**failure(), name: each} for each in (None, ["a"], {"a": 1}, "\x00")]

    for sent in (missing, *wrong):
        answer = call_json(FAILURES, sent)
        assert (answer.status, answer.json["code"]) == (400, "invalid_payload")
        assert answer.json["detail"].startswith(f"{name}: ")
        assert set(answer.json) == {"detail", "error", "code"}
    assert not Escalation.objects.exists()


WRONG: list[dict[str, Any]] = [
    {"session_id": "x" * 151}, {"agent_id": "x" * 151}, {"query": "x" * 8001},
    {"query": ""}, {"query": "\ud800"}, {"agent_response": "x" * 50_001},
    {"confidence_score": "0.35"}, {"confidence_score": 1.01},
    {"confidence_score": -0.1}, {"confidence_score": True},
    {"confidence_score": float("nan")}, {"escalation_reason": "mood"},
    {"user_email": "jane"}, {"user_email": "a@b.c\nBcc: x@y.z"},
    {"user_email": f"{'x' * 250}@company.com"}, {"user_name": "x" * 201},
    {"user_agency": "x" * 201}, {"user_office": "x" * 201}, {"agent_type": "sales"},
]  # fmt: skip


def test_a_value_that_is_none_is_refused(channel: Any) -> None:
    for changes in WRONG:
        answer = report(**changes)
        assert (answer.status, answer.json["code"]) == (400, "invalid_payload"), changes
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("raw", "type_", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"query": "\xff"}', "application/json", 400),
        (b"query=x", "application/x-www-form-urlencoded", 415),
        (b" " * (1024 * 1024 + 1), "application/json", 413),
    ],
    ids=["cut off", "a list", "not UTF-8", "a form", "too large"],
)
def test_a_body_that_cannot_be_read_is_refused(
    channel: Any, raw: bytes, type_: str, status: int
) -> None:
    assert call(FAILURES, raw, headers={"content-type": type_}).status == status


@pytest.mark.parametrize("what", ["", f"{NOBODY}/create-ticket", f"{NOBODY}/decline"])
def test_another_method_is_refused(channel: Any, what: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = call(f"{FAILURES}{what}", method=method)
        assert (answer.status, answer.json["code"]) == (405, "method_not_allowed")
        assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("path", "right"),
    [
        ("/api/agent-failure", FAILURES),
        (f"{FAILURES}{NOBODY}/decline/", f"{FAILURES}{NOBODY}/decline"),
    ],
)
def test_a_slash_too_many_or_too_few_is_told(
    channel: Any, path: str, right: str
) -> None:
    answer = call_json(path, failure())

    assert answer.status == 404
    assert right in answer.json["detail"].split()[-1]
