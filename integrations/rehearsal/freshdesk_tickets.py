"""What the stand-in for Freshdesk keeps, and which tickets it refuses."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
from typing import Any, Final

Row = dict[str, Any]

#: A form as desks have them: a required choice, and a field for our reference.
FORM: Final[list[Row]] = [
    {"name": "requester", "label": "Search a requester", "type": "default_requester"},
    {"name": "subject", "label": "Subject", "type": "default_subject"},
    {
        "name": "ticket_type",
        "label": "Type",
        "type": "default_ticket_type",
        "choices": ["Question", "Incident", "Problem"],
    },
    {"name": "source", "label": "Source", "type": "default_source"},
    {"name": "status", "label": "Status", "type": "default_status"},
    {
        "name": "priority",
        "label": "Priority",
        "type": "default_priority",
        "choices": {"Low": 1, "Medium": 2, "High": 3, "Urgent": 4},
    },
    {
        "name": "group",
        "label": "Group",
        "type": "default_group",
        "choices": {"Support": 9001, "Billing": 9002},
    },
    {"name": "description", "label": "Description", "type": "default_description"},
    {
        "name": "cf_shop",
        "label": "Shop",
        "type": "custom_dropdown",
        "default": False,
        "required_for_agents": True,
        "choices": ["Ulaanbaatar", "Darkhan"],
    },
    {
        "name": "cf_conversation",
        "label": "Conversation",
        "type": "custom_text",
        "default": False,
    },
]
AGENT: Final[Row] = {
    "id": 7001,
    "type": "support_agent",
    "contact": {"name": "Assistant", "email": "assistant@shop.example"},
}
_NUMBERS: Final = ("status", "priority", "source")
_REQUESTER: Final = ("email", "phone", "requester_id", "unique_external_id")
_KNOWN: Final = {
    *(*_NUMBERS, *_REQUESTER, "name", "subject", "description", "type"),
    *("group_id", "responder_id", "product_id", "company_id", "tags", "custom_fields"),
}
_BLANK: Final = "It should not be blank as this is a mandatory field"


def problem(field: str, message: str, code: str) -> Row:
    """One entry of a refusal."""
    return {"field": field, "message": message, "code": code}


class Tickets:
    """The tickets of one desk."""

    def __init__(self, form: list[Row] | None = None) -> None:
        self.form = [dict(row) for row in (FORM if form is None else form)]
        self.rows: dict[int, Row] = {}
        self._lock = threading.Lock()
        self._numbers = itertools.count(101)
        self._said = itertools.count(5001)

    def problems_of(self, body: Row) -> list[Row]:
        """Why a desk refuses this ticket; empty: it takes it."""
        found = [
            problem(name, "Unexpected/invalid field in request", "invalid_field")
            for name in body
            if name not in _KNOWN
        ]
        for name in _NUMBERS:
            if name not in body:
                found.append(problem(name, _BLANK, "missing_field"))
            elif not isinstance(body[name], int):
                found.append(
                    problem(name, "Value set is not an Integer", "datatype_mismatch")
                )
        if not any(body.get(name) for name in _REQUESTER):
            found.append(problem("requester_id", _BLANK, "missing_field"))
        if "subject" in body and not isinstance(body["subject"], str):
            text = "Value set is of type Null. It should be a/an String"
            found.append(problem("subject", text, "datatype_mismatch"))
        elif len(body.get("subject", "")) > 255:
            text = "Has 255 characters, it can have maximum of 255 characters"
            found.append(problem("subject", text, "invalid_value"))
        return found + self._own_problems(body.get("custom_fields", {}))

    def _own_problems(self, given: Any) -> list[Row]:
        if not isinstance(given, dict):
            text = "Value set is not a key/value pair"
            return [problem("custom_fields", text, "datatype_mismatch")]
        form = {row["name"]: row for row in self.form if row.get("default") is False}
        found = [
            problem(name, "Unexpected/invalid field in request", "invalid_field")
            for name in given
            if name not in form
        ]
        for name, row in form.items():
            value = given.get(name)
            if row.get("required_for_agents") and not value:
                found.append(problem(name, _BLANK, "missing_field"))
            elif value and row.get("choices") and value not in row["choices"]:
                text = f"It should be one of these values: '{','.join(row['choices'])}'"
                found.append(problem(name, text, "invalid_value"))
        return found

    def add(self, body: Row) -> Row:
        """Make a ticket."""
        with self._lock:
            number = next(self._numbers)
            now = _now()
            row = {
                "tags": [],
                "custom_fields": {},
                "type": None,
                **body,
                "id": number,
                "requester_id": 3001,
                "spam": False,
                "created_at": now,
                "updated_at": now,
                "conversations": [],
            }
            self.rows[number] = row
            return row

    def change(self, number: int, **values: Any) -> Row:
        """Change a ticket, as staff do."""
        self.rows[number].update(values, updated_at=_now())
        return self.rows[number]

    def say(self, number: int, text: str, **how: Any) -> Row:
        """Add an entry to a ticket: a reply of staff, if nothing else is said."""
        entry = {
            "id": next(self._said),
            "body": f"<div>{text}</div>",
            "body_text": text,
            "incoming": False,
            "private": False,
            "user_id": 7002,
            "source": 0,
            "created_at": _now(),
            **how,
        }
        self.rows[number]["conversations"].append(entry)
        self.change(number)
        return entry

    def listed(self, query: dict[str, str]) -> list[Row] | None:
        """The tickets of a list, or None where its requester is unknown."""
        rows = list(self.rows.values())
        for name in ("email", "unique_external_id"):
            if name in query:
                rows = [row for row in rows if row.get(name) == query[name]]
                if not rows:
                    return None
        since = query.get("updated_since", "")
        rows = [row for row in rows if row["updated_at"] >= since]
        order = query.get("order_by", "created_at")
        rows.sort(key=lambda row: (row[order], row["id"]))
        if query.get("order_type", "desc") == "desc":
            rows.reverse()
        return rows


def _now() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
