"""Ratings from CRMs, to the letter of their contract."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from ai_model.models import Judgement
from conversations.models import Conversation, Message
from core.tests.asgi import acall, call, call_json
from feedback.models import Feedback
from integrations.tests.factories import ChannelFactory
from knowledge.models import Example
from knowledge.tests.factories import EntryFactory

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/feedback"
SESSION = "support-session-1707500000123"
QUESTION = "How long does delivery take?"
PERSON = {
    "agent_id": "crm_user_456",
    "email": "jane.smith@company.com",
    "name": "Jane Smith",
    "agency": "Sales",
    "office": "Cape Town",
}
RATER = {
    "agent_id": "crm_user_456",
    "email": "jane.smith@company.com",
    "full_name": "Jane Smith",
}


@pytest.fixture
def entry(account: Any) -> Any:
    for title, text in {
        "Returning an item": "You may send it back within 30 days for a full refund.",
        "Gift cards": "Gift cards are valid for two years and cannot be paid out.",
        "Repairing a tent": "Our workshop mends zips and poles for a small fee.",
    }.items():
        EntryFactory(account=account, title=title, body=text)
    return EntryFactory(
        account=account, title=QUESTION, body="Delivery takes three working days."
    )


def ask(
    text: str = QUESTION, agent: str = "support", session: str = SESSION, **options: Any
) -> dict[str, Any]:
    """What the chat endpoint says."""
    sent = {"message": text, "session_id": session, "user_info": PERSON}
    found: dict[str, Any] = call_json(f"/api/agent/{agent}/", sent, **options).json
    return found


def body(reply: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The rating of a reply, as the contract's example has it."""
    return {
        "message_id": "1707500000001",
        "session_id": SESSION,
        "feedback_type": "helpful",
        "query": QUESTION,
        "response": reply["response"],
        "agent_type": "support",
        "user_info": {**RATER, **changes.pop("rater", {})},
        "confidence_score": reply.get("classification_confidence", 0.95),
        "sources_used": [each["title"] for each in reply.get("sources", [])],
        **changes,
    }


@pytest.fixture
def reply(engine: Any, channel: Any, entry: Any) -> dict[str, Any]:
    """An answer that the CRM's user has got."""
    return ask()


#: A reply for tests in which no rating gets as far as it.
NO_REPLY = {"response": "Delivery takes three working days."}


# --- It works -----------------------------------------------------------------


def test_a_rating_is_kept_with_who_gave_it(reply: dict[str, Any], account: Any) -> None:
    answer = call_json(PATH, body(reply))

    assert (answer.status, answer.json) == (200, {"success": True})
    row = Feedback.objects.get()
    assert row.message == Message.objects.get(author="assistant")
    assert (row.account, row.conversation.contact.name) == (account, "Jane Smith")
    assert (row.rating, row.agent_type, row.comment) == ("helpful", "support", "")
    assert (row.name, row.email) == ("Jane Smith", "jane.smith@company.com")
    assert row.external_id == "1707500000001"


def test_thumbs_up_proposes_the_question_and_judges_the_turn_right(
    reply: dict[str, Any], entry: Any
) -> None:
    call_json(PATH, body(reply))

    example = Example.objects.get()
    assert (example.entry, example.text) == (entry, QUESTION)
    assert (example.origin, example.status) == ("confirmed", "proposed")
    judgement = Judgement.objects.get()
    assert (judgement.right, judgement.origin) == (True, "contact")
    assert judgement.turn.reply == Feedback.objects.get().message


def test_thumbs_down_judges_the_turn_wrong_and_teaches_no_question(
    reply: dict[str, Any],
) -> None:
    call_json(PATH, body(reply, feedback_type="unhelpful"))

    assert Feedback.objects.get().rating == "unhelpful"
    assert Judgement.objects.get().right is False
    assert not Example.objects.exists()


def test_what_the_test_agent_is_told_does_not_count(
    engine: Any, channel: Any, entry: Any
) -> None:
    answer = call_json(PATH, body(ask(agent="test"), agent_type="test"))

    assert answer.status == 200
    assert Feedback.objects.get().agent_type == "test"
    assert not Judgement.objects.exists()
    assert not Example.objects.exists()


def test_a_courtesy_can_be_rated_and_teaches_nothing(
    engine: Any, channel: Any, entry: Any
) -> None:
    answer = call_json(PATH, body(ask("Hello!"), query="Hello!"))

    assert answer.status == 200
    assert Feedback.objects.count() == 1
    assert not Judgement.objects.exists()
    assert not Example.objects.exists()


def test_a_comment_may_come_with_it(reply: dict[str, Any]) -> None:
    call_json(PATH, body(reply, comment="Exactly what I needed."))

    assert Feedback.objects.get().comment == "Exactly what I needed."


@pytest.mark.parametrize("name", ["confidence_score", "sources_used"])
@pytest.mark.parametrize("how", ["missing", "null"])
def test_optional_fields_may_be_missing(
    reply: dict[str, Any], name: str, how: str
) -> None:
    sent = body(reply)
    if how == "missing":
        del sent[name]
    else:
        sent[name] = None

    assert call_json(PATH, sent).status == 200


def test_a_message_id_may_be_a_number(reply: dict[str, Any]) -> None:
    call_json(PATH, body(reply, message_id=1707500000001))

    assert Feedback.objects.get().external_id == "1707500000001"


# --- Once ---------------------------------------------------------------------


def test_a_second_rating_is_refused(reply: dict[str, Any]) -> None:
    call_json(PATH, body(reply))

    answer = call_json(PATH, body(reply, feedback_type="unhelpful"))

    assert answer.status == 409
    assert answer.json["success"] is False
    assert answer.json["detail"] == answer.json["error"]
    assert answer.json["code"] == "already_rated"
    assert Feedback.objects.get().rating == "helpful"
    assert Judgement.objects.get().right is True


@pytest.mark.parametrize("id_", ["1707500000001", "another id of the same message"])
def test_the_same_rating_again_gives_the_first_result(
    reply: dict[str, Any], id_: str
) -> None:
    first = call_json(PATH, body(reply))

    again = call_json(PATH, body(reply, message_id=id_))

    assert (again.status, again.json) == (first.status, first.json)
    assert Feedback.objects.count() == 1
    assert Judgement.objects.count() == 1


def test_another_id_does_not_make_a_second_rating(reply: dict[str, Any]) -> None:
    call_json(PATH, body(reply))

    answer = call_json(
        PATH, body(reply, message_id="1707500000002", feedback_type="unhelpful")
    )

    assert answer.status == 409
    assert Feedback.objects.count() == 1


def test_the_same_words_said_twice_are_two_messages(reply: dict[str, Any]) -> None:
    assert ask()["response"] == reply["response"]

    first = call_json(PATH, body(reply, message_id="2", feedback_type="unhelpful"))
    second = call_json(PATH, body(reply, message_id="1"))
    again = call_json(PATH, body(reply, message_id="2", feedback_type="unhelpful"))

    assert (first.status, second.status, again.status) == (200, 200, 200)
    older, newer = Message.objects.filter(author="assistant").order_by("pk")
    assert (newer.feedback.external_id, newer.feedback.rating) == ("2", "unhelpful")
    assert (older.feedback.external_id, older.feedback.rating) == ("1", "helpful")


def test_of_two_questions_with_one_answer_the_right_one_is_judged(
    reply: dict[str, Any],
) -> None:
    other = "How long does the delivery take, please?"
    assert ask(other)["response"] == reply["response"]

    call_json(PATH, body(reply, query=f" {QUESTION}\n"))

    question = Message.objects.get(pk=Feedback.objects.get().message.answers_up_to)
    assert question.text == QUESTION


@pytest.mark.parametrize("types", [["helpful"] * 4, ["helpful", "unhelpful"] * 2])
def test_ratings_at_once_leave_one(reply: dict[str, Any], types: list[str]) -> None:
    headers = {"content-type": "application/json"}

    async def run() -> list[Any]:
        sent = [json.dumps(body(reply, feedback_type=each)) for each in types]
        return await asyncio.gather(
            *(acall(PATH, each.encode(), headers=headers) for each in sent)
        )

    answers = async_to_sync(run)()

    row = Feedback.objects.get()
    assert [each.status for each in answers] == [
        200 if each == row.rating else 409 for each in types
    ]
    assert Judgement.objects.get().right is (row.rating == "helpful")
    assert Example.objects.count() == (row.rating == "helpful")


# --- Rated or escalated -------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["Who won the chess championship in 1972?", "I want to talk to a person"]
)
def test_what_is_to_be_escalated_gets_no_rating(
    engine: Any, channel: Any, entry: Any, text: str
) -> None:
    found = ask(text)
    assert found["requires_escalation"] is True

    answer = call_json(PATH, body(found, query=text))

    assert (answer.status, answer.json["code"]) == (409, "not_rateable")
    assert set(answer.json) == {"detail", "error", "code"}
    assert not Feedback.objects.exists()


# --- Nobody else's ------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"session_id": "support-session-2"},
        {"rater": {"agent_id": "crm_user_457"}},
        {"agent_type": "customer"},
        {"response": "Delivery takes four working days."},
        {"response": QUESTION},
    ],
    ids=["session", "person", "agent", "words", "the question"],
)
def test_an_unknown_message_is_not_found(
    reply: dict[str, Any], changes: dict[str, Any]
) -> None:
    answer = call_json(PATH, body(reply, **changes))

    assert (answer.status, answer.json["code"]) == (404, "unknown_message")
    assert set(answer.json) == {"detail", "error", "code"}
    assert not Feedback.objects.exists()


def test_another_accounts_message_is_not_found(reply: dict[str, Any]) -> None:
    other = ChannelFactory()

    answer = call_json(PATH, body(reply), headers={"x-channel-key": other.key})

    assert (answer.status, answer.json["code"]) == (404, "unknown_message")
    assert not Feedback.objects.exists()


@pytest.mark.parametrize("how", ["header", "query"])
def test_a_key_names_the_channel(engine: Any, channel: Any, how: str) -> None:
    other = ChannelFactory()
    named: dict[str, Any] = (
        {"headers": {"x-channel-key": other.key}}
        if how == "header"
        else {"query": f"key={other.key}"}
    )
    found = ask("Hello!", **named)

    assert call_json(PATH, body(found, query="Hello!"), **named).status == 200
    assert Feedback.objects.get().account == other.account


def test_an_unknown_key_is_not_found(channel: Any) -> None:
    answer = call_json(PATH, body(NO_REPLY), query="key=unknown")

    assert (answer.status, answer.json["code"]) == (404, "unknown_channel")


def test_what_was_withheld_cannot_be_rated(reply: dict[str, Any]) -> None:
    Message.objects.filter(author="assistant").update(state="withheld")

    assert call_json(PATH, body(reply)).status == 404


# --- What is not a rating -----------------------------------------------------


REQUIRED = [
    "message_id", "session_id", "feedback_type", "query", "response", "agent_type",
    "user_info",
]  # fmt: skip


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("how", ["missing", "blank", "null", "list"])
def test_a_missing_field_is_named(channel: Any, name: str, how: str) -> None:
    sent = body(NO_REPLY)
    if how == "missing":
        del sent[name]
    else:
        sent[name] = {"blank": "", "null": None, "list": ["a"]}[how]

    answer = call_json(PATH, sent)

    assert answer.status == 400
    assert answer.json["detail"].startswith(name)
    assert set(answer.json) == {"detail", "error", "code"}
    assert answer.json["code"] == "invalid_payload"


@pytest.mark.parametrize("name", ["agent_id", "email", "full_name"])
@pytest.mark.parametrize("value", [None, "", "\x00", True, "x" * 300])
def test_a_missing_fact_about_the_person_is_named(
    channel: Any, name: str, value: Any
) -> None:
    answer = call_json(PATH, body(NO_REPLY, rater={name: value}))

    assert answer.status == 400
    assert answer.json["detail"].startswith(f"user_info.{name}: ")


@pytest.mark.parametrize(
    "changes",
    [
        {"feedback_type": "Helpful"}, {"feedback_type": "up"}, {"feedback_type": 1},
        {"feedback_type": {"a": 1}}, {"agent_type": "sales"}, {"agent_type": []},
        {"message_id": "x" * 201}, {"message_id": "\x00"}, {"message_id": True},
        {"message_id": {"a": 1}}, {"session_id": "x" * 151}, {"session_id": "\x00"},
        {"query": "x" * 8001}, {"query": "\x00"}, {"query": "\ud800"},
        {"response": "x" * 50_001}, {"response": "a\x00"}, {"response": "\ud800"},
        {"confidence_score": "0.9"}, {"confidence_score": 1.1},
        {"confidence_score": -1}, {"confidence_score": True},
        {"confidence_score": float("nan")}, {"confidence_score": float("inf")},
        {"confidence_score": 10**400}, {"confidence_score": [1]},
        {"sources_used": "Delivery"}, {"sources_used": [["a"]]},
        {"sources_used": ["x"] * 101}, {"sources_used": ["x" * 1001]},
        {"sources_used": {"a": 1}}, {"comment": "x" * 2001}, {"comment": "\x00"},
        {"comment": ["a"]}, {"user_info": "Jane"}, {"user_info": []},
    ],
    ids=lambda changes: str(changes)[:40],
)  # fmt: skip
def test_a_value_that_is_none_is_refused(channel: Any, changes: dict[str, Any]) -> None:
    answer = call_json(PATH, body(NO_REPLY, **changes))

    assert (answer.status, answer.json["code"]) == (400, "invalid_payload")
    assert not Feedback.objects.exists()


def test_a_confidence_that_is_none_says_what_it_is(channel: Any) -> None:
    answer = call_json(PATH, body(NO_REPLY, confidence_score=7))

    assert answer.json["detail"] == "confidence_score: Write a number from 0 to 1."


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"{", 400, "invalid_payload"),
        (b"", 400, "invalid_payload"),
        (b"[]", 400, "invalid_payload"),
        (b'{"message_id": "\xff"}', 400, "invalid_payload"),
        (b'{"message_id": ' + b"9" * 5000 + b"}", 400, "invalid_payload"),
        (b" " * (1024 * 1024 + 1), 413, "too_large"),
    ],
    ids=["cut off", "empty", "a list", "not UTF-8", "a huge number", "too large"],
)
def test_a_body_that_cannot_be_read_is_refused(
    channel: Any, raw: bytes, status: int, code: str
) -> None:
    for length in ({}, {"content-length": str(len(raw))}):
        answer = call(PATH, raw, headers={"content-type": "application/json", **length})
        assert (answer.status, answer.json["code"]) == (status, code)


def test_another_content_type_is_refused(channel: Any) -> None:
    answer = call(
        PATH, b"feedback_type=helpful", headers={"content-type": "text/plain"}
    )

    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_only_post_is_taken(channel: Any, method: str) -> None:
    answer = call(PATH, method=method)

    assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_a_slash_too_many_is_told_and_never_redirected(channel: Any) -> None:
    answer = call_json("/api/feedback/", body(NO_REPLY))

    assert answer.status == 404
    assert answer.json["detail"].endswith("The path is /api/feedback.")


def test_no_login_and_no_csrf_token_is_asked_for(reply: dict[str, Any]) -> None:
    headers = {"cookie": "sessionid=x; csrftoken=y", "referer": "https://crm.example/"}

    assert call_json(PATH, body(reply), headers=headers).status == 200


def test_a_rating_leaves_the_conversation_as_it_is(reply: dict[str, Any]) -> None:
    before = Conversation.objects.values().get()

    call_json(PATH, body(reply))

    assert Conversation.objects.values().get() == before
