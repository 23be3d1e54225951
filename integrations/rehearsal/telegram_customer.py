"""Somebody who talks to a bot of the rehearsal."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from integrations.rehearsal.telegram import TelegramServer

_BAT: Final = {
    "id": 5551,
    "is_bot": False,
    "first_name": "Bat",
    "last_name": "Dorj",
    "username": "bat_d",
    "language_code": "en",
}
_CHAT: Final = {"id": 5551, "type": "private", "first_name": "Bat"}


class Customer:
    """Makes updates of what is typed, and shows what comes back."""

    def __init__(self, telegram: TelegramServer) -> None:
        self._telegram = telegram
        self._numbers = itertools.count(int(time.time()))
        self._shown: dict[str, Any] = {}
        self._buttons: list[dict[str, str]] = []

    def write(self, line: str) -> dict[str, Any]:
        """The update of a line: words, or `!2` for the second button."""
        number = next(self._numbers)
        name = line.removeprefix("!")
        if name != line and name.isdigit() and 0 < int(name) <= len(self._buttons):
            press = {
                "id": str(number),
                "from": _BAT,
                "chat_instance": "1",
                "message": self._shown,
                "data": self._buttons[int(name) - 1]["callback_data"],
            }
            return {"update_id": number, "callback_query": press}
        message = {
            "message_id": number,
            "date": int(time.time()),
            "chat": _CHAT,
            "from": _BAT,
            "text": line,
        }
        return {"update_id": number, "message": message}

    def read(self, message: dict[str, Any]) -> str:
        """What the bot says, with its buttons."""
        sent = self._telegram.called("sendMessage")[-1]
        rows = sent.get("reply_markup", {}).get("inline_keyboard", [])
        self._shown = message
        self._buttons = [button for row in rows for button in row]
        shown = [f"[!{n} {each['text']}]" for n, each in enumerate(self._buttons, 1)]
        return "\n".join([f"bot: {message['text']}", *filter(None, [" ".join(shown)])])
