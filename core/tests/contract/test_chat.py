"""The contract's chat endpoint, sentence by sentence."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from core.tests.contract.crm import KNOWN, UNKNOWN, Crm

if TYPE_CHECKING:
    from core.tests.contract.crm import Reply


def is_error(reply: Reply, status: int) -> bool:
    """Whether it is a documented error: `detail` and `error`, both texts."""
    said = reply.json
    return (
        reply.status == status
        and isinstance(said["detail"], str)
        and isinstance(said["error"], str)
    )


def test_no_login_key_or_token_is_needed(crm: Crm) -> None:
    assert crm.ask().status == 200


def test_the_answer_has_the_documented_fields(crm: Crm) -> None:
    said = crm.ask().json

    assert set(said) == {
        "response", "session_id", "timestamp", "requires_escalation",
        "classification_confidence", "sources",
    }  # fmt: skip
    assert isinstance(said["response"], str)
    assert isinstance(said["session_id"], str)
    assert isinstance(said["requires_escalation"], bool)
    assert 0 <= said["classification_confidence"] <= 1
    assert isinstance(said["sources"], list)


def test_the_timestamp_is_utc_with_milliseconds(crm: Crm) -> None:
    at = crm.ask().json["timestamp"]

    assert len(at) == len("2024-02-09T10:30:45.123Z")
    found = dt.datetime.strptime(at, "%Y-%m-%dT%H:%M:%S.%f%z")
    assert abs(dt.datetime.now(dt.UTC) - found) < dt.timedelta(minutes=5)


def test_what_is_known_is_answered_from_the_knowledge_with_sources(crm: Crm) -> None:
    said = crm.ask(KNOWN).json

    assert "$5.90" in said["response"]
    assert said["requires_escalation"] is False
    first = said["sources"][0]
    assert set(first) == {"title", "confidence", "entry_type", "entry_id"}
    assert first["title"] == "What delivery costs"
    assert 0 <= first["confidence"] <= 1
    assert all(isinstance(first[each], str) for each in ("entry_type", "entry_id"))


def test_a_confidence_that_is_too_low_asks_for_escalation(crm: Crm) -> None:
    good, poor = crm.ask(KNOWN).json, crm.ask(UNKNOWN).json

    assert poor["requires_escalation"] is True
    assert poor["classification_confidence"] < good["classification_confidence"]
    assert poor["response"]


@pytest.mark.parametrize("agent_type", ["customer", "support", "test"])
def test_the_contract_is_the_same_for_every_agent(send: Any, agent_type: str) -> None:
    said = Crm(send, agent_type).ask().json

    assert "$5.90" in said["response"]
    assert ("debug" in said) == (agent_type == "test")


@pytest.mark.parametrize("name", ["phone", "company", "division", "user_type"])
def test_what_is_optional_of_the_user_may_be_missing(crm: Crm, name: str) -> None:
    person = {key: value for key, value in crm.person.items() if key != name}

    assert crm.ask("Hello", user_info=person).status == 200
    assert crm.ask("Hello", user_info={**person, name: None}).status == 200


@pytest.mark.parametrize("name", ["agent_id", "email", "name", "agency", "office"])
def test_what_is_required_of_the_user_must_be_there(crm: Crm, name: str) -> None:
    person = {key: value for key, value in crm.person.items() if key != name}

    reply = crm.ask("Hello", user_info=person)

    assert is_error(reply, 400)
    assert name in reply.json["detail"]


@pytest.mark.parametrize("name", ["message", "session_id", "user_info"])
def test_what_is_required_of_a_question_must_be_there(crm: Crm, name: str) -> None:
    sent = crm.question()
    del sent[name]

    assert is_error(crm.post("/api/agent/support/", sent), 400)


def test_the_sessions_id_is_the_crms_own(crm: Crm) -> None:
    ids = {crm.ask(each).json["session_id"] for each in ("Hello", KNOWN)}

    assert ids == {crm.session_id}


def test_a_session_keeps_its_context(send: Any) -> None:
    crm = Crm(send, "test")

    def searched(text: str) -> str:
        return str(crm.ask(text).json["debug"]["query"])

    searched("How long does delivery to Norway take?")
    leaning = searched("And how much does it cost?")
    crm.session_id = crm.new_session()
    alone = searched("And how much does it cost?")

    assert "Norway" in leaning
    assert "Norway" not in alone


def test_another_id_is_another_conversation(send: Any) -> None:
    crm = Crm(send, "test")
    first = crm.ask("How much does delivery cost?").json

    crm.session_id = crm.new_session()

    assert crm.ask("Hello").json["session_id"] != first["session_id"]


def test_an_id_that_comes_back_is_used_from_then_on(send: Any) -> None:
    jane = Crm(send)
    jane.ask("Hello")
    john = Crm(send, session_id=jane.session_id)

    given = john.ask("Hello").json["session_id"]
    john.session_id = given

    assert given != jane.session_id
    assert john.ask("Hello again").json["session_id"] == given


def test_the_limit_says_when_the_next_question_may_come(crm: Crm) -> None:
    for _ in range(300):
        reply = crm.ask("Hello")
        if reply.status != 200:
            break
    else:
        pytest.skip("This service has no limit.")

    assert reply.status == 429
    seconds = reply.json["detail"]["reset_in_seconds"]
    assert isinstance(seconds, int)
    assert 0 < seconds <= 86_400
    assert reply.headers["retry-after"] == str(seconds)


def test_one_users_limit_is_not_anothers(send: Any) -> None:
    limited = Crm(send)
    for _ in range(300):
        if limited.ask("Hello").status == 429:
            break

    assert Crm(send).ask("Hello").status == 200


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"message=Hello", "application/x-www-form-urlencoded", 415),
        (b"{}", "application/json", 400),
    ],
)
def test_every_other_error_says_detail_and_error(
    send: Any, body: bytes, kind: str, status: int
) -> None:
    reply = send("POST", "/api/agent/support/", body, {"Content-Type": kind})

    assert is_error(reply, status)


def test_an_agent_that_does_not_exist_is_an_error_too(crm: Crm) -> None:
    assert is_error(crm.post("/api/agent/sales/", crm.question()), 404)


def test_only_post_is_taken(crm: Crm) -> None:
    reply = crm.get("/api/agent/support/")

    assert is_error(reply, 405)
    assert reply.headers["allow"] == "POST"


def test_the_answer_is_one_json_payload_and_no_stream(crm: Crm) -> None:
    reply = crm.ask()

    assert reply.headers["content-type"] == "application/json"
    assert int(reply.headers["content-length"]) == len(reply.body)
    assert "transfer-encoding" not in reply.headers


SLASHES = {
    "/api/agent/support/": "/api/agent/support",
    "/api/agent-failure/": "/api/agent-failure",
    "/api/agent-failure/{id}/create-ticket": "/api/agent-failure/{id}/create-ticket/",
    "/api/agent-failure/{id}/decline": "/api/agent-failure/{id}/decline/",
    "/api/feedback": "/api/feedback/",
    "/api/health": "/api/health/",
}
ID = "8f14e45f-ceea-467f-9575-1f1e7a6b2c11"


@pytest.mark.parametrize(("right", "wrong"), SLASHES.items())
def test_the_slash_is_as_the_table_says_and_nothing_redirects(
    crm: Crm, right: str, wrong: str
) -> None:
    right, wrong = right.replace("{id}", ID), wrong.replace("{id}", ID)

    reply = crm.post(wrong, crm.question())

    assert is_error(reply, 404)
    assert right in reply.json["detail"]
    # There, it is something else that is wrong.
    assert right not in crm.post(right, {}).json["detail"]


def test_a_users_identity_travels_with_each_request(crm: Crm) -> None:
    changed = {**crm.person, "agent_id": f"{crm.agent_id}-other", "name": "John"}

    crm.ask("Hello")
    other = crm.ask("Hello", user_info=changed).json

    assert other["session_id"] != crm.session_id
