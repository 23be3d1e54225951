"""A CRM as the contract describes it, speaking to us over one of two ways."""

from __future__ import annotations

import itertools
import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.test import Client

#: What the business of the tests knows, and what nobody there does.
KNOWN = "How much does delivery cost?"
UNKNOWN = "Who won the chess championship in 1972?"
#: What the CRM says of its user. No header says more: there is no login.
PERSON = {
    "email": "jane.smith@company.com",
    "name": "Jane Smith",
    "phone": "+27123456789",
    "agency": "Sales",
    "office": "Cape Town",
    "company": "PropertyEngine",
    "division": "Residential",
    "user_type": "agent",
}
_numbers = itertools.count(time.time_ns() // 1_000_000)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    #: Names in lower case.
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which is JSON whatever happened."""
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)


def in_process(client: Client) -> Any:
    """By Django's own test client."""

    def send(method: str, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        kind = headers.pop("Content-Type", "")
        response = client.generic(method, path, body, kind, headers=headers)
        names = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, names, response.content)

    return send


def served(url: str) -> Any:
    """Over the network, from a running service."""
    opener = urllib.request.build_opener(_NoRedirects)

    def send(method: str, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        request = urllib.request.Request(  # noqa: S310 (ours)
            url + path, body or None, headers, method=method
        )
        try:
            response = opener.open(request, timeout=60)
        except urllib.error.HTTPError as exc:
            response = exc
        with response:
            names = {name.lower(): value for name, value in response.headers.items()}
            return Reply(response.status, names, response.read())

    return send


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer, and a wrong one."""

    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(slots=True)
class Crm:
    """One user of the CRM, in one chat window."""

    send: Any
    agent_type: str = "support"
    agent_id: str = field(default_factory=lambda: f"crm_user_{next(_numbers)}")
    session_id: str = ""

    def __post_init__(self) -> None:
        self.session_id = self.session_id or self.new_session()

    def new_session(self) -> str:
        """An id as CRMs make them."""
        return f"{self.agent_type}-session-{next(_numbers)}"

    @property
    def person(self) -> dict[str, str]:
        """The user, as each request says."""
        return {"agent_id": self.agent_id, **PERSON}

    def post(self, path: str, payload: Any = None, **headers: str) -> Reply:
        """Send JSON; None: no body, only the header."""
        body = b"" if payload is None else json.dumps(payload).encode()
        return self.send(
            "POST", path, body, {"Content-Type": "application/json", **headers}
        )

    def get(self, path: str) -> Reply:
        """Read."""
        return self.send("GET", path, b"", {})

    def question(self, text: str = KNOWN, **changes: Any) -> dict[str, Any]:
        """The documented body of a question."""
        sent = {
            "message": text,
            "session_id": self.session_id,
            "user_info": self.person,
        }
        return {**sent, **changes}

    def ask(self, text: str = KNOWN, **changes: Any) -> Reply:
        """Send a message."""
        return self.post(
            f"/api/agent/{self.agent_type}/", self.question(text, **changes)
        )

    def rating(self, text: str, reply: Reply, **changes: Any) -> dict[str, Any]:
        """The documented body of a rating."""
        said = reply.json
        sent = {
            "message_id": str(next(_numbers)),
            "session_id": said["session_id"],
            "feedback_type": "helpful",
            "query": text,
            "response": said["response"],
            "agent_type": self.agent_type,
            "user_info": {
                "agent_id": self.agent_id,
                "email": PERSON["email"],
                "full_name": PERSON["name"],
            },
            "confidence_score": said["classification_confidence"],
            "sources_used": [each["title"] for each in said["sources"]],
        }
        return {**sent, **changes}

    def failure(self, text: str, reply: Reply, **changes: Any) -> dict[str, Any]:
        """The documented body of a failure."""
        said = reply.json
        sent = {
            "session_id": said["session_id"],
            "agent_id": self.agent_id,
            "query": text,
            "agent_response": said["response"],
            "confidence_score": said["classification_confidence"],
            "escalation_reason": "low_confidence",
            "user_email": PERSON["email"],
            "user_name": PERSON["name"],
            "user_agency": PERSON["agency"],
            "user_office": PERSON["office"],
            "agent_type": self.agent_type,
        }
        return {**sent, **changes}

    def fail(self) -> str:
        """Ask what nobody knows and record the failure; its id."""
        reply = self.ask(UNKNOWN)
        answer = self.post("/api/agent-failure/", self.failure(UNKNOWN, reply))
        assert answer.status == 200, answer.body
        return str(answer.json["failure_id"])


HISTORY = {
    "conversation_history": [
        {
            "role": "user",
            "content": UNKNOWN,
            "timestamp": "2024-02-09T10:30:00.000Z",
        },
        {
            "role": "assistant",
            "content": "I'm not confident I can help with this.",
            "timestamp": "2024-02-09T10:30:05.123Z",
        },
    ]
}
