"""A stand-in for Telegram's Bot API on loopback, with its checks, limits and faults.

    with TelegramServer() as telegram:
        telegram.faults.append("429")
        ...
        assert telegram.texts(chat=5551) == ["Three days."]

Faults meet `sendMessage`, one each, in order. Every call is held against the published
API; one that does not fit is refused, and kept in `problems`.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import urlsplit

from core.text import utf16_units
from integrations.rehearsal.serving import StandIn, StandInHandler
from integrations.rehearsal.telegram_schema import METHODS, problems_of_call

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN: Final = "700:rehearsal-token"  # noqa: S105 (opens nothing)
BOT: Final = {
    "id": 700,
    "is_bot": True,
    "first_name": "Shop",
    "username": "shop_bot",
    "can_join_groups": True,
    "can_read_all_group_messages": False,
    "supports_inline_queries": False,
    "can_connect_to_business": True,
}
#: Seconds for which a hanging call hangs.
HANG_S = 30.0
#: What can go wrong when a message is sent, and whether it is shown nevertheless.
FAULTS: Final = {
    "429": False,
    "403": False,
    "400": False,
    "500": False,
    "migrated": False,
    "lost_after": True,
    "hang_after": True,
}
#: Code and words of refusals.
_REFUSALS: Final[dict[str, tuple[int, str]]] = {
    "429": (429, "Too Many Requests: retry after 1"),
    "403": (403, "Forbidden: bot was blocked by the user"),
    "400": (400, "Bad Request: message can't be sent"),
    "500": (500, "Internal Server Error"),
    "migrated": (400, "Bad Request: group chat was upgraded to a supergroup chat"),
}
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
_PORTS: Final = {None, 443, 80, 88, 8443}
#: What a chat id becomes when its group is upgraded.
UPGRADED: Final = -1_000_000_000_000


class Refused(Exception):
    """The API says no."""

    def __init__(self, code: int, words: str, **parameters: Any) -> None:
        super().__init__(words)
        self.code = code
        self.parameters = parameters


@dataclass(slots=True)
class Webhook:
    """What `setWebhook` was told."""

    url: str = ""
    secret: str = ""
    allowed: list[str] = field(default_factory=list)
    error: str = ""


class TelegramServer(StandIn):
    """Listens on 127.0.0.1 until it is closed. `is_local`: any webhook will do."""

    def __init__(self, *, port: int = 0, is_local: bool = False) -> None:
        super().__init__(_Handler, port)
        self.is_local = is_local
        self.webhook = Webhook()
        self.faults: deque[str] = deque()
        #: Method and parameters of each call, in order.
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.problems: list[str] = []
        self.blocked: set[int] = set()
        #: Pictures of people, by their number.
        self.portraits: dict[int, bytes] = {}
        #: Messages that a chat takes in a second; 0: all.
        self.most_per_second = 0
        #: Told of each message that is shown.
        self.on_message: Callable[[dict[str, Any]], None] = lambda _: None
        self._times: dict[int, deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()
        self._numbers = itertools.count(9001)

    def called(self, method: str) -> list[dict[str, Any]]:
        """The parameters of all calls of a method, in order."""
        return [values for name, values in self.calls if name == method]

    def texts(self, chat: int) -> list[str]:
        """What this chat was sent, in order; also what was refused."""
        sent = self.called("sendMessage")
        return [each["text"] for each in sent if each["chat_id"] == chat]

    def answer(self, method: str, values: dict[str, Any]) -> Any:
        """The result of a call; raises `Refused`, or `TimeoutError` to hang up."""
        if method not in METHODS:
            raise Refused(404, "Not Found")
        with self._lock:
            self.calls.append((method, values))
        if problems := problems_of_call(method, values):
            self.problems += problems
            raise Refused(400, f"Bad Request: {problems[0]}")
        verb = _VERBS.get(method)
        return True if verb is None else verb(self, values)

    def _set_webhook(self, values: dict[str, Any]) -> bool:
        parts = urlsplit(values["url"])
        if not self.is_local and values["url"]:
            if parts.scheme != "https":
                text = "bad webhook: An HTTPS URL must be provided for webhook"
                raise Refused(400, f"Bad Request: {text}")
            if parts.port not in _PORTS:
                text = "Webhook can be set up only on ports 80, 88, 443 or 8443"
                raise Refused(400, f"Bad Request: bad webhook: {text}")
        secret = values.get("secret_token", "")
        if secret and not _SECRET.fullmatch(secret):
            raise Refused(
                400, "Bad Request: secret token contains unallowed characters"
            )
        allowed = values.get("allowed_updates", self.webhook.allowed)
        self.webhook = Webhook(values["url"], secret, allowed)
        return True

    def _webhook_info(self, values: dict[str, Any]) -> dict[str, Any]:
        hook = self.webhook
        failed = {"last_error_date": int(time.time()), "last_error_message": hook.error}
        return {
            "url": hook.url,
            "has_custom_certificate": False,
            "pending_update_count": 0,
            "allowed_updates": hook.allowed,
            **(failed if hook.error else {}),
        }

    def _delete_webhook(self, values: dict[str, Any]) -> bool:
        self.webhook = Webhook()
        return True

    def _get_updates(self, values: dict[str, Any]) -> list[Any]:
        if self.webhook.url:
            text = "can't use getUpdates method while webhook is active"
            raise Refused(409, f"Conflict: {text}; use deleteWebhook first")
        return []

    def _send(self, values: dict[str, Any]) -> dict[str, Any]:
        self._check_limits(values)
        chat = int(values["chat_id"])
        self._check_pace(chat)
        fault = self.faults.popleft() if self.faults else ""
        if chat in self.blocked:
            fault = "403"
        if fault in _REFUSALS:
            code, words = _REFUSALS[fault]
            more: dict[str, Any] = {"retry_after": 1} if fault == "429" else {}
            if fault == "migrated":
                more = {"migrate_to_chat_id": UPGRADED + chat}
            raise Refused(code, words, **more)
        message = {
            "message_id": next(self._numbers),
            "date": int(time.time()),
            "chat": {"id": chat, "type": "private" if chat > 0 else "supergroup"},
            "from": {name: BOT[name] for name in ("id", "is_bot", "first_name")},
            "text": values["text"],
        }
        self.on_message(message)
        if fault:
            self.is_closing.wait(HANG_S if fault == "hang_after" else 0)
            raise TimeoutError
        return message

    def _check_limits(self, values: dict[str, Any]) -> None:
        if not values["text"].strip():
            raise Refused(400, "Bad Request: message text is empty")
        if utf16_units(values["text"]) > 4096:
            raise Refused(400, "Bad Request: message is too long")
        for row in values.get("reply_markup", {}).get("inline_keyboard", []):
            for button in row:
                if not 1 <= len(button.get("callback_data", "x").encode()) <= 64:
                    raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")

    def _check_pace(self, chat: int) -> None:
        if not self.most_per_second:
            return
        now, times = time.monotonic(), self._times[chat]
        while times and times[0] < now - 1:
            times.popleft()
        if len(times) >= self.most_per_second:
            raise Refused(429, "Too Many Requests: retry after 1", retry_after=1)
        times.append(now)

    def _chat_action(self, values: dict[str, Any]) -> bool:
        if values["action"] != "typing":
            raise Refused(400, "Bad Request: wrong parameter action in request")
        return True

    def _answer_press(self, values: dict[str, Any]) -> bool:
        if len(values.get("text", "")) > 200:
            raise Refused(400, "Bad Request: MESSAGE_TOO_LONG")
        return True

    def _file(self, values: dict[str, Any]) -> dict[str, Any]:
        name = values["file_id"]
        return {"file_id": name, "file_unique_id": name, "file_path": f"files/{name}"}

    def _portraits(self, values: dict[str, Any]) -> dict[str, Any]:
        person = values["user_id"]
        if person not in self.portraits:
            return {"total_count": 0, "photos": []}
        name = f"portrait-{person}"
        size = {"file_id": name, "file_unique_id": name, "width": 160, "height": 160}
        return {"total_count": 1, "photos": [[size]]}

    def content(self, name: str) -> bytes:
        """What is in a file: a portrait, or its own name."""
        person = name.removeprefix("portrait-")
        known = self.portraits.get(int(person)) if person.isdecimal() else None
        return known or name.encode()


_VERBS: Final[dict[str, Callable[[TelegramServer, dict[str, Any]], Any]]] = {
    "getMe": lambda _self, _values: BOT,
    "setWebhook": TelegramServer._set_webhook,
    "getWebhookInfo": TelegramServer._webhook_info,
    "deleteWebhook": TelegramServer._delete_webhook,
    "getUpdates": TelegramServer._get_updates,
    "sendMessage": TelegramServer._send,
    "sendChatAction": TelegramServer._chat_action,
    "answerCallbackQuery": TelegramServer._answer_press,
    "getFile": TelegramServer._file,
    "getUserProfilePhotos": TelegramServer._portraits,
}


class _Handler(StandInHandler):
    stand_in: ClassVar[TelegramServer]

    def do_POST(self) -> None:
        """Take one call."""
        body = self.read_body()
        try:
            status, answer = 200, self._answer(body)
        except TimeoutError:
            self.close_connection = True
            return
        except Refused as exc:
            status = exc.code
            answer = {"ok": False, "error_code": status, "description": str(exc)}
            if exc.parameters:
                answer["parameters"] = exc.parameters
        self.reply(status, json.dumps(answer).encode(), "application/json")

    def do_GET(self) -> None:
        """Give the content of a file."""
        name = self.path.removeprefix(f"/file/bot{TOKEN}/files/")
        found = name != self.path
        data = self.stand_in.content(name)
        self.reply(200 if found else 404, data, "application/octet-stream")

    def _answer(self, body: bytes) -> dict[str, Any]:
        match = re.fullmatch(r"/bot([^/]+)/(\w+)", self.path)
        if match is None:
            raise Refused(404, "Not Found")
        if match[1] != TOKEN:
            raise Refused(401, "Unauthorized")
        values = json.loads(body) if body else {}
        return {"ok": True, "result": self.stand_in.answer(match[2], values)}
