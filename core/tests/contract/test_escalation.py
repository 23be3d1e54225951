"""The contract's escalation: failure, ticket and decline, sentence by sentence."""

from __future__ import annotations

from typing import Any

import pytest

from core.tests.contract.crm import HISTORY, KNOWN, UNKNOWN, Crm

PATH = "/api/agent-failure/"


def test_a_failure_is_recorded_and_named(crm: Crm) -> None:
    reply = crm.ask(UNKNOWN)

    answer = crm.post(PATH, crm.failure(UNKNOWN, reply))

    said = answer.json
    assert answer.status == 200
    assert isinstance(said["failure_id"], str)
    assert said["failure_id"]
    assert said["id"] == said["failure_id"]


@pytest.mark.parametrize("reason", ["low_confidence", "no_results"])
def test_both_reasons_are_taken(crm: Crm, reason: str) -> None:
    reply = crm.ask(UNKNOWN)

    sent = crm.failure(UNKNOWN, reply, escalation_reason=reason)

    assert crm.post(PATH, sent).status == 200


@pytest.mark.parametrize(
    "name",
    [
        "session_id", "agent_id", "query", "agent_response", "confidence_score",
        "escalation_reason", "user_email", "user_name", "user_agency", "user_office",
        "agent_type",
    ],
)  # fmt: skip
def test_every_field_of_a_failure_must_be_there(crm: Crm, name: str) -> None:
    sent = crm.failure(UNKNOWN, crm.ask(UNKNOWN))
    del sent[name]

    reply = crm.post(PATH, sent)

    assert reply.status == 400
    assert name in reply.json["detail"]


def test_the_same_failure_again_is_the_same(crm: Crm) -> None:
    sent = crm.failure(UNKNOWN, crm.ask(UNKNOWN))

    names = {crm.post(PATH, sent).json["failure_id"] for _ in range(3)}

    assert len(names) == 1


def test_who_says_yes_gets_a_ticket(crm: Crm) -> None:
    failure = crm.fail()

    reply = crm.post(f"/api/agent-failure/{failure}/create-ticket", HISTORY)

    said = reply.json
    assert reply.status == 200
    assert isinstance(said["ticket_id"], str)
    assert said["ticket_id"]
    assert said["id"] == said["ticket_id"]


def test_the_confirmation_names_the_user_the_ticket_and_the_address(crm: Crm) -> None:
    failure = crm.fail()

    said = crm.post(f"/api/agent-failure/{failure}/create-ticket", HISTORY).json

    assert said["message"] == (
        f"Hi Jane, I've created support ticket #{said['ticket_id']} for you and"
        " emailed a copy to jane.smith@company.com for your reference. A support agent"
        " will reach out to you shortly with more details."
    )


def test_a_ticket_is_created_once(crm: Crm) -> None:
    path = f"/api/agent-failure/{crm.fail()}/create-ticket"

    tickets = {crm.post(path, HISTORY).json["ticket_id"] for _ in range(3)}

    assert len(tickets) == 1


@pytest.mark.parametrize("name", ["role", "content", "timestamp"])
def test_every_entry_of_the_history_needs_its_fields(crm: Crm, name: str) -> None:
    entry = {**HISTORY["conversation_history"][0]}
    del entry[name]
    path = f"/api/agent-failure/{crm.fail()}/create-ticket"

    reply = crm.post(path, {"conversation_history": [entry]})

    assert reply.status == 400
    assert name in reply.json["detail"]


def test_a_role_is_user_or_assistant(crm: Crm) -> None:
    entry = {**HISTORY["conversation_history"][0], "role": "system"}
    path = f"/api/agent-failure/{crm.fail()}/create-ticket"

    assert crm.post(path, {"conversation_history": [entry]}).status == 400


def test_who_says_no_declines_without_a_body(crm: Crm) -> None:
    failure = crm.fail()

    reply = crm.post(f"/api/agent-failure/{failure}/decline")

    assert (reply.status, reply.json) == (200, {"success": True})


def test_after_no_the_chat_goes_on(crm: Crm) -> None:
    crm.post(f"/api/agent-failure/{crm.fail()}/decline")

    assert "$5.90" in crm.ask(KNOWN).json["response"]


def test_after_yes_the_chat_goes_on(crm: Crm) -> None:
    crm.post(f"/api/agent-failure/{crm.fail()}/create-ticket", HISTORY)

    assert crm.ask("Hello").status == 200


@pytest.mark.parametrize("verb", ["create-ticket", "decline"])
@pytest.mark.parametrize(
    "name", ["8f14e45f-ceea-467f-9575-1f1e7a6b2c11", "abc-123-def"]
)
def test_a_failure_that_does_not_exist_is_not_found(
    crm: Crm, name: str, verb: str
) -> None:
    reply = crm.post(f"/api/agent-failure/{name}/{verb}", HISTORY)

    assert reply.status == 404
    assert isinstance(reply.json["detail"], str)
    assert isinstance(reply.json["error"], str)


@pytest.mark.parametrize("agent_type", ["customer", "support", "test"])
def test_every_agents_failures_are_taken(send: Any, agent_type: str) -> None:
    assert Crm(send, agent_type).fail()


def test_what_was_rated_is_not_escalated(crm: Crm) -> None:
    answer = crm.ask(KNOWN)
    crm.post("/api/feedback", crm.rating(KNOWN, answer))

    reply = crm.post(PATH, crm.failure(KNOWN, answer))

    assert reply.status == 409
