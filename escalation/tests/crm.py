"""A CRM's client: it asks, and reports what did not help."""

from __future__ import annotations

from typing import Any

from core.tests.asgi import Answer, call_json

FAILURES = "/api/agent-failure/"
SESSION = "support-session-1707500000123"
QUESTION = "How do I fix error code X1234?"
PERSON = {
    "agent_id": "crm_user_456",
    "email": "jane@company.com",
    "name": "Jane Smith",
    "agency": "Sales",
    "office": "Cape Town",
}


def ask(text: str = QUESTION, agent: str = "support", **options: Any) -> dict[str, Any]:
    """What the chat endpoint says."""
    session = options.pop("session", SESSION)
    sent = {"message": text, "session_id": session, "user_info": PERSON}
    found: dict[str, Any] = call_json(f"/api/agent/{agent}/", sent, **options).json
    return found


def failure(**changes: Any) -> dict[str, Any]:
    """A failure as the contract's example has it."""
    return {
        "session_id": SESSION,
        "agent_id": "crm_user_456",
        "query": QUESTION,
        "agent_response": "I'm not confident I can help with this specific error.",
        "confidence_score": 0.35,
        "escalation_reason": "low_confidence",
        "user_email": "jane@company.com",
        "user_name": "Jane Smith",
        "user_agency": "Sales",
        "user_office": "Cape Town",
        "agent_type": "support",
        **changes,
    }


def report(reply: dict[str, Any] | None = None, **changes: Any) -> Answer:
    """Report the failure of a reply, or of a question that never got one."""
    if reply is not None:
        changes = {
            "agent_response": reply["response"],
            "confidence_score": reply["classification_confidence"],
            **changes,
        }
    options = changes.pop("options", {})
    return call_json(FAILURES, failure(**changes), **options)


def act(failure_id: str, what: str, payload: Any = None, **options: Any) -> Answer:
    """Accept or decline the ticket of a failure."""
    return call_json(f"{FAILURES}{failure_id}/{what}", payload or {}, **options)
