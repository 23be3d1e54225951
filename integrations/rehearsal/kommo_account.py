"""What the stand-in for Kommo holds beside bots that wait: leads, fields, webhooks."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Callable

#: The bot of one step that sends what stands in the field.
RUN_BOT, FIELD, CITY = 41300, 901, 902
PIPELINE, NEW_STAGE, BOT_STAGE = 7001, 142001, 142002
#: Kommo takes https only; on loopback there is none.
_TAKEN = ("https://", "http://127.0.0.1:", "http://localhost:")
#: What one webhook may be switched to.
KINDS = {"add_message", "status_lead"}


@dataclass(slots=True)
class Lead:
    """One lead, as the API shows it."""

    id: int
    name: str = "Order 17"
    stage: int = NEW_STAGE
    #: Values of custom fields, by their ids.
    fields: dict[int, str] = field(default_factory=dict)


class Account:
    """Leads of one account, what happened to them, and who is told."""

    def __init__(self, host: str, number: int, show: Callable[[str], None]) -> None:
        self.host = host
        self.number = number
        self._show = show
        self.leads: dict[int, Lead] = {}
        self.events: list[dict[str, Any]] = []
        self.webhooks: dict[str, dict[str, Any]] = {}
        #: Every text that was written into the field.
        self.written: list[str] = []
        #: The bot of one step is there, and does what it is told.
        self.can_run = True
        self._ids = itertools.count(1)

    def lead(self, number: int) -> Lead:
        """A lead; one that nobody has asked for yet is made."""
        return self.leads.setdefault(number, Lead(number))

    def note(self, kind: str, lead: int, by: int, **more: Any) -> None:
        """Keep that something happened; by 0 it is a robot's doing."""
        event = {"id": f"e{next(self._ids)}", "type": kind, "entity_id": lead,
                 "entity_type": "lead", "created_by": by,
                 "created_at": int(time.time())}  # fmt: skip
        self.events.insert(0, {**event, **more})

    # What Kommo tells ---------------------------------------------------------

    def message(self, text: str, *, lead: int = 8812345, **changes: Any) -> bytes:
        """The form that the account's webhook gets of a customer's words."""
        row = {
            "id": f"m{next(self._ids)}", "chat_id": "9d1c", "talk_id": "417",
            "contact_id": "5512345", "entity_type": "lead", "element_type": "2",
            "entity_id": str(lead), "type": "incoming", "text": text,
            "created_at": str(int(time.time())), "origin": "instagram_business",
            "author[id]": "ab12", "author[type]": "external", "author[name]": "Bat",
            **changes,
        }  # fmt: skip
        return self._form("message[add][0]", row)

    def move(self, lead: int, stage: int, *, by: int = 77) -> bytes:
        """Move a lead; the form that the account's webhook gets of it."""
        former = self.lead(lead).stage
        self.lead(lead).stage = stage
        status = {"id": stage, "pipeline_id": PIPELINE}
        after = [{"lead_status": status}]
        self.note("lead_status_changed", lead, by, value_after=after)
        row = {"id": str(lead), "status_id": str(stage), "pipeline_id": str(PIPELINE),
               "old_status_id": str(former), "old_pipeline_id": str(PIPELINE)}  # fmt: skip
        return self._form("leads[status][0]", row)

    def _form(self, place: str, row: dict[str, Any]) -> bytes:
        link = f"https://{self.host}"
        fields = {
            "account[id]": self.number,
            "account[subdomain]": self.host.partition(".")[0],
            "account[_links][self]": link,
        }
        for name, value in row.items():
            first, bracket, rest = name.partition("[")
            fields[f"{place}[{first}]{bracket}{rest}"] = value
        return urlencode(fields).encode()

    # What Kommo is asked ------------------------------------------------------

    def answer(
        self, method: str, path: list[str], query: dict[str, str], body: Any
    ) -> tuple[int, Any] | None:
        """Status and body for a path below `/api/v4/`; None: it is none of this."""
        match method, path:
            case "GET", ["leads", "custom_fields"]:
                return _list("custom_fields", _FIELDS)
            case "GET", ["leads", "pipelines"]:
                return _list("pipelines", [_PIPELINE])
            case "GET", ["leads", number]:
                return 200, self._shown(self.lead(int(number)))
            case "PATCH", ["leads", number]:
                return self._change(self.lead(int(number)), body)
            case "POST", ["bots", bot, "run"] if self.can_run:
                return self._run(int(bot), body)
            case "GET", ["events"]:
                return self._list_events(query)
            case _, ["webhooks"]:
                return self._webhook(method, query, body)
        return None

    def _shown(self, lead: Lead) -> dict[str, Any]:
        names = {each["id"]: each["name"] for each in _FIELDS}
        return {
            "id": lead.id, "name": lead.name, "status_id": lead.stage,
            "pipeline_id": PIPELINE,
            "custom_fields_values": [
                {"field_id": key, "field_name": names[key], "values": [{"value": text}]}
                for key, text in lead.fields.items()
            ] or None,
        }  # fmt: skip

    def _change(self, lead: Lead, body: Any) -> tuple[int, Any]:
        for each in body.get("custom_fields_values", ()):
            text = each["values"][0]["value"]
            lead.fields[each["field_id"]] = text
            self.written.append(text)
        return 200, {"id": lead.id}

    def _run(self, bot: int, body: Any) -> tuple[int, Any]:
        if body.get("entity_type") != "leads":
            return 400, _problem("InvalidType", "entity_type")
        if bot != RUN_BOT:
            return 404, {"title": "Not Found", "status": 404}
        text = self.lead(body["entity_id"]).fields.get(FIELD, "")
        self._show(text)
        self.note("outgoing_chat_message", body["entity_id"], 0)
        return 202, "Accepted"

    def _list_events(self, query: dict[str, str]) -> tuple[int, Any]:
        kinds = query.get("filter[type]", "").split(",")
        rows = [
            each
            for each in self.events
            if str(each["entity_id"]) == query.get("filter[entity_id]")
            and each.get("type", kinds[0]) in kinds
        ]
        return _list("events", rows)

    def _webhook(
        self, method: str, query: dict[str, str], body: Any
    ) -> tuple[int, Any]:
        if method == "GET":
            wanted = query.get("filter[destination]")
            rows = [row for key, row in self.webhooks.items() if key == wanted]
            return _list("webhooks", rows)
        address = body.get("destination", "")
        if method == "DELETE":
            return (204, None) if self.webhooks.pop(address, None) else (404, {})
        kinds = body.get("settings") or []
        if not address.startswith(_TAKEN) or not KINDS.issuperset(kinds):
            return 400, _problem("InvalidValue", "destination")
        row = {"destination": address, "settings": kinds, "disabled": False}
        self.webhooks[address] = row
        return 201, row


_FIELDS = [
    {"id": FIELD, "name": "Reply of the assistant", "type": "textarea"},
    {"id": CITY, "name": "City", "type": "text"},
]
_PIPELINE = {
    "id": PIPELINE, "name": "Sales",
    "_embedded": {"statuses": [{"id": NEW_STAGE, "name": "New"},
                               {"id": BOT_STAGE, "name": "Assistant"}]},
}  # fmt: skip


def _list(name: str, rows: list[Any]) -> tuple[int, Any]:
    """A list as Kommo gives it: 204 instead of an empty one."""
    return (200, {"_embedded": {name: rows}}) if rows else (204, None)


def _problem(code: str, path: str) -> dict[str, Any]:
    return {"validation-errors": [{"errors": [{"code": code, "path": path}]}]}
