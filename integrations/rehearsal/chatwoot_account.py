"""What a Chatwoot account holds, and what it does when somebody acts in it.

Shapes are those of the published OpenAPI documents; tests hold them against these.
"""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Row = dict[str, Any]

ACCOUNT: Final[Row] = {"id": 3, "name": "Rehearsal"}
INBOX: Final[Row] = {"id": 12, "name": "Website"}
BOT: Final[Row] = {"id": 4, "name": "Answerdesk", "type": "agent_bot"}
PERSON: Final[Row] = {"id": 9, "name": "Ana", "type": "user"}
#: By place in this list; lists of messages have the place, events the word.
TYPES: Final = ("incoming", "outgoing", "activity", "template")


class ChatwootAccount:
    """One account with one inbox, a bot that has it, and a person."""

    def __init__(self, *, on_event: Callable[[Row], None] = lambda _: None) -> None:
        self.on_event = on_event
        #: By display id.
        self.conversations: dict[int, Row] = {}
        self.messages: dict[int, list[Row]] = {}
        self._ids = itertools.count(90_001)
        self._numbers = itertools.count(401)

    # -- what people do

    def customer_writes(
        self, text: str | None, number: int | None = None, files: Iterable[Row] = ()
    ) -> Row:
        """A visitor writes, in a new conversation or in one of theirs."""
        if number is None:
            number = self._begin()
        row = self.conversations[number]
        came_back = {"resolved": "pending", "snoozed": "open"}.get(row["status"])
        if came_back:
            self.set_status(number, came_back)
        sender = {
            key: row["meta"]["sender"][key]
            for key in ("id", "name", "email", "phone_number", "identifier")
        }
        return self.say(number, text, "incoming", sender, attachments=list(files))

    def person_writes(self, number: int, text: str, *, private: bool = False) -> Row:
        """A member of staff replies, or leaves a note."""
        return self.say(number, text, "outgoing", PERSON, private=private)

    def set_status(self, number: int, status: str) -> None:
        """Somebody changes it; nothing happens where it is that already."""
        row = self.conversations[number]
        before = row["status"]
        if before == status:
            return
        row["status"] = status
        if status == "open":
            self._tell("conversation_opened", row)
        elif status == "resolved":
            self._tell("conversation_resolved", row)
        change = {"status": {"previous_value": before, "current_value": status}}
        self._tell("conversation_status_changed", row, changed_attributes=[change])

    def assign(self, number: int, person: Row | None) -> None:
        """Somebody gives it to a person, or to nobody."""
        row = self.conversations[number]
        before = (row["meta"].get("assignee") or {}).get("id")
        row["meta"].pop("assignee", None)
        row["meta"]["assignee_type"] = None
        if person is not None:
            row["meta"] |= {"assignee": person, "assignee_type": "User"}
        now = person["id"] if person else None
        change = {"assignee_id": {"previous_value": before, "current_value": now}}
        self._tell("conversation_updated", row, changed_attributes=[change])

    def choose(self, number: int, message: int, title: str) -> None:
        """The visitor presses a button below one of our messages."""
        row = next(each for each in self.messages[number] if each["id"] == message)
        chosen = [{"title": title, "value": title.lower()}]
        row["content_attributes"]["submitted_values"] = chosen
        self._tell_message("message_updated", number, row)

    def delete(self, number: int) -> None:
        """The conversation is gone, with all that was said."""
        del self.conversations[number], self.messages[number]

    # -- what is kept

    def say(
        self, number: int, text: str | None, kind: str, sender: Row | None, **more: Any
    ) -> Row:
        """A message is stored and told."""
        row = {
            "id": next(self._ids),
            "content": text,
            "account_id": ACCOUNT["id"],
            "inbox_id": INBOX["id"],
            "conversation_id": number,
            "message_type": TYPES.index(kind),
            "created_at": int(time.time()),
            "private": False,
            "status": "sent",
            "source_id": None,
            "content_type": "text",
            "content_attributes": {},
            "attachments": [],
            **more,
        }
        if sender is not None:
            row["sender"] = sender
        self.messages[number].append(row)
        self.conversations[number]["last_activity_at"] = row["created_at"]
        self._tell_message("message_created", number, row)
        return row

    def said_by_bot(self, number: int) -> list[Row]:
        """What the customer got from the bot, in order."""
        return [
            each
            for each in self.messages.get(number, ())
            if each.get("sender") == BOT and not each["private"]
        ]

    def _begin(self) -> int:
        number = next(self._numbers)
        now = int(time.time())
        self.conversations[number] = {
            "id": number,
            "account_id": ACCOUNT["id"],
            "inbox_id": INBOX["id"],
            "status": "pending",
            "can_reply": True,
            "labels": [],
            "custom_attributes": {},
            "additional_attributes": {},
            "priority": None,
            "snoozed_until": None,
            "unread_count": 1,
            "created_at": now,
            "timestamp": now,
            "last_activity_at": now,
            "meta": {
                "sender": {
                    "id": 700 + number,
                    "name": f"Visitor {number}",
                    "email": None,
                    "phone_number": None,
                    "identifier": None,
                    "custom_attributes": {},
                    "additional_attributes": {},
                },
                "channel": "Channel::WebWidget",
                "assignee_type": None,
                "hmac_verified": False,
            },
        }
        self.messages[number] = []
        return number

    def _tell(self, event: str, row: Row, **more: Any) -> None:
        self.on_event({"event": event, "account": ACCOUNT, **_told(row), **more})

    def _tell_message(self, event: str, number: int, row: Row) -> None:
        message = {
            name: value
            for name, value in row.items()
            if name not in ("account_id", "inbox_id", "conversation_id", "status")
        }
        self.on_event(
            {
                "event": event,
                **message,
                "content_attributes": dict(row["content_attributes"]),
                "message_type": TYPES[row["message_type"]],
                "sender": row.get("sender"),
                "inbox": INBOX,
                "account": ACCOUNT,
                "conversation": _told(self.conversations[number]),
            }
        )


def _told(row: Row) -> Row:
    """A conversation as events carry it: with the channel beside its meta."""
    return {**row, "meta": dict(row["meta"]), "channel": row["meta"]["channel"]}
