"""The chat API that CRMs speak, to the letter of its contract."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from conversations import services
from conversations.models import Contact, Conversation, Message
from core.tests.asgi import acall, call, call_json
from integrations.tests.factories import ChannelFactory
from knowledge.tests.factories import EntryFactory

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/agent/customer/"
SESSION = "customer-session-1707500000123"
PERSON = {
    "agent_id": "crm_user_456",
    "email": "jane.smith@company.com",
    "name": "Jane Smith",
    "phone": "+27123456789",
    "agency": "Sales",
    "office": "Cape Town",
    "company": "PropertyEngine",
    "division": "Residential",
    "user_type": "agent",
}
QUESTION = "How long does delivery take?"


def body(message: Any = QUESTION, **changes: Any) -> dict[str, Any]:
    person = {**PERSON, **changes.pop("person", {})}
    return {"message": message, "session_id": SESSION, "user_info": person, **changes}


@pytest.fixture
def knowledge(account: Any) -> Any:
    for title, text in {
        "Returning an item": "You may send it back within 30 days for a full refund.",
        "Gift cards": "Gift cards are valid for two years and cannot be paid out.",
        "Repairing a tent": "Our workshop mends zips and poles for a small fee.",
    }.items():
        EntryFactory(account=account, title=title, body=text)
    return EntryFactory(
        account=account, title=QUESTION, body="Delivery takes three working days."
    )


def test_a_question_is_answered_in_the_documented_shape(
    engine: Any, channel: Any, knowledge: Any
) -> None:
    answer = call_json(PATH, body())

    found = answer.json
    assert answer.status == 200
    assert set(found) == {
        "response", "session_id", "timestamp", "requires_escalation",
        "classification_confidence", "sources",
    }  # fmt: skip
    assert "three working days" in found["response"]
    assert found["session_id"] == SESSION
    assert found["requires_escalation"] is False
    assert 0 < found["classification_confidence"] <= 1
    first = found["sources"][0]
    assert set(first) == {"title", "confidence", "entry_type", "entry_id"}
    assert first["entry_id"] == knowledge.public_id
    assert found["timestamp"].endswith("Z")
    dt.datetime.strptime(found["timestamp"], "%Y-%m-%dT%H:%M:%S.%f%z")


@pytest.mark.parametrize("agent", ["customer", "support"])
def test_only_a_developers_agent_is_told_what_was_measured(
    engine: Any, channel: Any, knowledge: Any, agent: str
) -> None:
    assert "debug" not in call_json(f"/api/agent/{agent}/", body()).json

    debug = call_json("/api/agent/test/", body()).json["debug"]

    assert debug["reason"] == "answered"
    assert debug["query"] == QUESTION
    assert debug["candidates"][0]["entry_id"] == knowledge.public_id
    assert debug["candidates"][0]["score"] > 0
    assert debug["confidence"] >= debug["threshold"]
    assert debug["provider"] == "local"
    assert {"wait", "retrieve", "complete", "total"} <= set(debug["timings"])
    (searched,) = debug["searched"]
    assert searched["query"] == QUESTION
    assert searched["confidence"] == pytest.approx(debug["confidence"], abs=0.001)
    assert searched["features"]["entries"] == 4


@pytest.mark.parametrize("text", ["Hello!", "I want to talk to a person", "qqqq"])
def test_a_turn_that_measured_nothing_says_so_too(
    engine: Any, channel: Any, knowledge: Any, text: str
) -> None:
    debug = call_json("/api/agent/test/", body(text)).json["debug"]

    assert debug["reason"] in ("small_talk", "asked_for_person", "no_results")
    assert debug["candidates"] == []
    assert debug["finished_at"]


def test_what_is_not_known_asks_for_escalation(
    engine: Any, channel: Any, knowledge: Any
) -> None:
    found = call_json(PATH, body("Who won the chess championship in 1972?")).json

    assert found["requires_escalation"] is True
    assert found["classification_confidence"] < 0.5
    assert found["response"]


def test_courtesies_need_no_escalation(
    engine: Any, channel: Any, knowledge: Any
) -> None:
    found = call_json(PATH, body("Hello")).json

    assert found["requires_escalation"] is False
    assert found["classification_confidence"] == 1.0
    assert found["sources"] == []


def test_while_people_reply_the_caller_is_told_so(
    engine: Any, channel: Any, knowledge: Any
) -> None:
    call_json(PATH, body())
    services.hand_off(conversation=Conversation.objects.get(), reason="taken_over")

    found = call_json(PATH, body("And abroad?")).json

    assert found["requires_escalation"] is True
    assert "colleague" in found["response"]


def test_the_crms_facts_are_kept(engine: Any, channel: Any, knowledge: Any) -> None:
    call_json(PATH, body())

    contact = Contact.objects.get()
    assert (contact.name, contact.email) == ("Jane Smith", "jane.smith@company.com")
    assert contact.profile["office"] == "Cape Town"
    assert Message.objects.filter(author="contact").get().text == QUESTION


def test_a_session_is_one_conversation(
    engine: Any, channel: Any, knowledge: Any
) -> None:
    call_json(PATH, body())
    call_json(PATH, body("And how do I return an item?"))

    assert Conversation.objects.count() == 1
    assert Contact.objects.count() == 1


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        (PATH, {"person": {"agent_id": "crm_user_457"}}),
        (PATH, {"session_id": "another"}),
        ("/api/agent/support/", {}),
    ],
    ids=["another person", "another session", "another agent"],
)
def test_nobody_elses_session_is_theirs(
    engine: Any, channel: Any, knowledge: Any, path: str, changes: dict[str, Any]
) -> None:
    call_json(PATH, body())

    call_json(path, body("Hello", **changes))

    first, second = Conversation.objects.order_by("id")
    assert first.messages.count() == second.messages.count() == 2


def test_a_crm_session_cannot_be_read_as_a_chat_page(
    engine: Any, channel: Any, knowledge: Any
) -> None:
    """Whoever knows the person's id and the session's cannot work out its name."""
    call_json(PATH, body())
    names = json.dumps(["customer", PERSON["agent_id"], SESSION])
    guess = f"crm:{hashlib.sha256(names.encode()).hexdigest()}"

    answer = call(
        f"/api/chat/{channel.uuid}/messages",
        method="GET",
        headers={"x-channel-key": channel.key, "x-session-id": guess},
    )

    assert answer.json["messages"] == []


def test_two_questions_at_once_both_get_a_reply_in_order(
    engine: Any, channel: Any, knowledge: Any
) -> None:
    async def run() -> list[Any]:
        headers = {"content-type": "application/json"}
        texts = (QUESTION, "Can I return an item for a refund?")
        return await asyncio.gather(
            *(
                acall(PATH, json.dumps(body(text)).encode(), headers=headers)
                for text in texts
            )
        )

    first, second = async_to_sync(run)()

    assert (first.status, second.status) == (200, 200)
    assert first.json["response"]
    assert second.json["response"]
    assert not Message.objects.filter(state="waiting").exists()
    for question in Message.objects.filter(author="contact"):
        replies = Message.objects.filter(answers_up_to__gte=question.pk)
        assert replies.filter(pk__gt=question.pk).exists()


REQUIRED = ["agent_id", "email", "name", "agency", "office"]


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("how", ["missing", "blank", "null"])
def test_a_missing_fact_about_the_person_is_named(
    channel: Any, name: str, how: str
) -> None:
    sent = body()
    if how == "missing":
        del sent["user_info"][name]
    else:
        sent["user_info"][name] = "" if how == "blank" else None

    answer = call_json(PATH, sent)

    assert answer.status == 400
    assert answer.json["detail"].startswith(f"user_info.{name}: ")
    assert set(answer.json) == {"detail", "error", "code"}
    assert not Message.objects.exists()


@pytest.mark.parametrize("name", ["message", "session_id", "user_info"])
def test_a_missing_field_is_named(channel: Any, name: str) -> None:
    sent = body()
    del sent[name]

    answer = call_json(PATH, sent)

    assert answer.status == 400
    assert answer.json["detail"].startswith(f"{name}: ")


@pytest.mark.parametrize(
    "name", ["phone", "company", "division", "user_type", "signature"]
)
@pytest.mark.parametrize("how", ["missing", "blank", "null"])
def test_optional_facts_may_be_missing(
    engine: Any, channel: Any, knowledge: Any, name: str, how: str
) -> None:
    sent = body("Hello")
    sent["user_info"].pop(name, None)
    if how != "missing":
        sent["user_info"][name] = "" if how == "blank" else None

    assert call_json(PATH, sent).status == 200
    assert name not in Contact.objects.get().profile


def test_a_name_that_is_null_is_none(engine: Any, channel: Any, knowledge: Any) -> None:
    sent = {**body("Hello"), "message_id": None}

    first, second = call_json(PATH, sent), call_json(PATH, sent)

    assert (first.status, second.status) == (200, 200)
    assert "message_id" not in first.json
    assert Message.objects.filter(author="contact", external_id="").count() == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"message": ""}, {"message": " \n"}, {"message": True}, {"message": ["a"]},
        {"message": "x" * 8001}, {"message": "a\x00b"}, {"message": "\ud800"},
        {"session_id": "x" * 151}, {"session_id": "\x00"}, {"session_id": {"a": 1}},
        {"user_info": "Jane"}, {"user_info": []}, {"person": {"email": "no address"}},
        {"person": {"agent_id": "x" * 151}}, {"person": {"phone": "\x00"}},
        {"person": {"agent_id": "\ud800"}},
    ],
    ids=str,
)  # fmt: skip
def test_a_value_that_is_none_is_refused(channel: Any, changes: dict[str, Any]) -> None:
    answer = call_json(PATH, body(**changes))

    assert answer.status == 400
    assert answer.json["code"] == "invalid_payload"
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"{", 400, "invalid_payload"),
        (b"", 400, "invalid_payload"),
        (b"[]", 400, "invalid_payload"),
        (b'{"message": "\xff"}', 400, "invalid_payload"),
        (b" " * (1024 * 1024 + 1), 413, "too_large"),
    ],
    ids=["cut off", "empty", "a list", "not UTF-8", "too large"],
)
def test_a_body_that_cannot_be_read_is_refused(
    channel: Any, raw: bytes, status: int, code: str
) -> None:
    for length in ({}, {"content-length": str(len(raw))}):
        answer = call(PATH, raw, headers={"content-type": "application/json", **length})
        assert (answer.status, answer.json["code"]) == (status, code)


def test_another_content_type_is_refused(channel: Any) -> None:
    answer = call(PATH, b"message=Hi", headers={"content-type": "text/plain"})

    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_only_post_is_taken(channel: Any, method: str) -> None:
    answer = call(PATH, method=method)

    assert (answer.status, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("kind", ["sales", "Customer", "x" * 100])
def test_an_unknown_agent_is_not_found(channel: Any, kind: str) -> None:
    answer = call_json(f"/api/agent/{kind}/", body())

    assert (answer.status, answer.json["code"]) == (404, "unknown_agent_type")


def test_the_slash_is_required_and_never_redirected(channel: Any) -> None:
    answer = call_json("/api/agent/customer", body())

    assert answer.status == 404
    assert "/api/agent/customer/" in answer.json["detail"]


@pytest.mark.parametrize("how", ["header", "query"])
def test_a_key_names_the_channel(engine: Any, channel: Any, how: str) -> None:
    other = ChannelFactory()
    named: dict[str, Any] = (
        {"headers": {"x-channel-key": other.key}}
        if how == "header"
        else {"query": f"key={other.key}"}
    )

    call_json(PATH, body("Hello"), **named)

    assert Conversation.objects.get().channel == other


@pytest.mark.parametrize("query", ["key=unknown", "key=%00", "key=%ED%A0%80"])
def test_an_unknown_key_is_not_found(channel: Any, query: str) -> None:
    answer = call_json(PATH, body(), query=query)

    assert (answer.status, answer.json["code"]) == (404, "unknown_channel")


def test_without_a_default_channel_a_key_is_needed(db: None) -> None:
    assert call_json(PATH, body()).status == 404


def test_chatwoots_channels_have_no_key_here(chatwoot: Any) -> None:
    answer = call_json(PATH, body(), headers={"x-channel-key": chatwoot.key})

    assert answer.status == 404
