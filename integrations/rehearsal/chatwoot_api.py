"""Chatwoot's account API, over an account on loopback: its answers, limits and faults.

Faults meet `POST …/messages`, one each, in order; afterwards all goes well.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from integrations.rehearsal.chatwoot_account import (
    ACCOUNT,
    BOT,
    INBOX,
    PERSON,
    ChatwootAccount,
    Row,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BOT_TOKEN: Final = "rehearsal-bot-token"  # noqa: S105 (of the stand-in)
USER_TOKEN: Final = "rehearsal-user-token"  # noqa: S105
SECRET: Final = "rehearsal-secret"  # noqa: S105
#: What can go wrong when a message is posted, and whether it is stored nevertheless.
FAULTS: Final = {
    "lost_before": False,
    "lost_after": True,
    "429": False,
    "500": False,
    "500_after": True,
    "504_after": True,
    "401": False,
    "crowded": False,
    "nonsense_after": True,
}
PAGE, CONVERSATIONS = 20, 25


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it arrived; its path is below the account, or whole."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Row
    token: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server says; no status: it hangs up instead."""

    status: int
    content: Any = None


class ChatwootApi:
    """Answers calls; each is kept."""

    def __init__(self, account: ChatwootAccount) -> None:
        self.account = account
        self.faults: deque[str] = deque()
        self.calls: list[Call] = []
        #: Tokens that are good.
        self.tokens = {BOT_TOKEN, USER_TOKEN}
        #: What the bot calls.
        self.outgoing_url = ""

    def answer(self, call: Call) -> Reply:
        """What Chatwoot says to this."""
        self.calls.append(call)
        if call.token not in self.tokens:
            return Reply(401, {"error": "Invalid Access Token"})
        for method, pattern, is_for_bots, verb in _ROUTES:
            match = re.fullmatch(pattern, call.path)
            if not match or call.method != method:
                continue
            if call.token == BOT_TOKEN and not is_for_bots:
                words = "Access to this endpoint is not authorized for bots"
                return Reply(401, {"error": words})
            number = int(match[1]) if match.groups() else 0
            if "conversations/" in pattern and number not in self.account.conversations:
                return Reply(404, {"error": "Resource could not be found"})
            return verb(self, call, number)
        return Reply(404, {"error": "Resource could not be found"})

    def _show(self, call: Call, number: int) -> Reply:
        row = self.account.conversations[number]
        return Reply(200, {**row, "messages": self.account.messages[number][-1:]})

    def _list(self, call: Call, number: int) -> Reply:
        rows = [
            {**row, "messages": self.account.messages[number][-1:]}
            for number, row in self.account.conversations.items()
        ]
        rows.sort(key=lambda row: (row["last_activity_at"], row["id"]), reverse=True)
        start = (int(call.query.get("page", 1)) - 1) * CONVERSATIONS
        meta = {"mine_count": 0, "unassigned_count": len(rows), "all_count": len(rows)}
        page = rows[start : start + CONVERSATIONS]
        return Reply(200, {"data": {"meta": meta, "payload": page}})

    def _messages(self, call: Call, number: int) -> Reply:
        rows = self.account.messages[number]
        if before := int(call.query.get("before", 0)):
            rows = [row for row in rows if row["id"] < before]
        return Reply(200, {"meta": {"labels": []}, "payload": rows[-PAGE:]})

    def _post(self, call: Call, number: int) -> Reply:
        fault = self.faults.popleft() if self.faults else ""
        if fault == "crowded":
            return Reply(422, {"error": "Too many messages"})
        if call.body.get("message_type") == "incoming":
            words = "Incoming messages are only allowed in Api inboxes"
            return Reply(422, {"error": words})
        if fault and not FAULTS[fault]:
            return _failed(fault)
        row = self.account.say(
            number,
            call.body["content"],
            "outgoing",
            BOT if call.token == BOT_TOKEN else PERSON,
            private=bool(call.body.get("private")),
            content_type=call.body.get("content_type", "text"),
            content_attributes=dict(call.body.get("content_attributes") or {}),
        )
        return _failed(fault) if fault else Reply(200, row)

    def _toggle_status(self, call: Call, number: int) -> Reply:
        self.account.set_status(number, call.body["status"])
        payload = {"conversation_id": number, "current_status": call.body["status"]}
        return Reply(200, {"meta": {}, "payload": payload})

    def _typing(self, call: Call, number: int) -> Reply:
        return Reply(200)

    def _labels(self, call: Call, number: int) -> Reply:
        row = self.account.conversations[number]
        if call.method == "POST":
            row["labels"] = list(call.body["labels"])
        return Reply(200, {"payload": row["labels"]})

    def _attributes(self, call: Call, number: int) -> Reply:
        row = self.account.conversations[number]
        row["custom_attributes"] = dict(call.body["custom_attributes"])
        return Reply(200, {"custom_attributes": row["custom_attributes"]})

    def _profile(self, call: Call, number: int) -> Reply:
        return Reply(
            200,
            {
                "id": PERSON["id"],
                "name": PERSON["name"],
                "email": "ana@shop.example",
                "role": "administrator",
                "accounts": [{"id": ACCOUNT["id"], "role": "administrator"}],
            },
        )

    def _inboxes(self, call: Call, number: int) -> Reply:
        inbox = {**INBOX, "channel_type": "Channel::WebWidget"}
        return Reply(200, {"payload": [inbox]})

    def _bot(self, call: Call, number: int) -> Reply:
        if number != INBOX["id"]:
            return Reply(404, {"error": "Resource could not be found"})
        return Reply(
            200,
            {
                "agent_bot": {
                    "id": BOT["id"],
                    "name": BOT["name"],
                    "outgoing_url": self.outgoing_url,
                    "secret": SECRET,
                }
            },
        )


def _failed(fault: str) -> Reply:
    name = fault.partition("_")[0]
    if name == "nonsense":
        return Reply(200, "<html>Welcome to the proxy.</html>")
    if not name.isdigit():
        return Reply(0)
    return Reply(int(name), {"error": f"Fault {fault}"})


_C: Final = r"conversations/(\d+)"
#: Method, path, whether a bot's token will do, and what is done.
_ROUTES: Final[list[tuple[str, str, bool, Callable[..., Reply]]]] = [
    ("GET", _C, True, ChatwootApi._show),
    ("GET", "conversations", False, ChatwootApi._list),
    ("GET", f"{_C}/messages", False, ChatwootApi._messages),
    ("POST", f"{_C}/messages", True, ChatwootApi._post),
    ("POST", f"{_C}/toggle_status", True, ChatwootApi._toggle_status),
    ("POST", f"{_C}/toggle_typing_status", True, ChatwootApi._typing),
    ("GET", f"{_C}/labels", True, ChatwootApi._labels),
    ("POST", f"{_C}/labels", True, ChatwootApi._labels),
    ("POST", f"{_C}/custom_attributes", True, ChatwootApi._attributes),
    ("GET", "/api/v1/profile", False, ChatwootApi._profile),
    ("GET", "inboxes", False, ChatwootApi._inboxes),
    ("GET", r"inboxes/(\d+)/agent_bot", False, ChatwootApi._bot),
]
