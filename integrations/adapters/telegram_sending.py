"""How a message to Telegram is addressed, and what stands under it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from integrations.adapters.telegram_reading import HELPFUL, SAY, UNHELPFUL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from integrations.adapters.base import Outbound
    from integrations.adapters.rows import Row


def where(address: Mapping[str, Any]) -> Row:
    """An address as their calls take it."""
    names = {"chat": "chat_id", "business": "business_connection_id"}
    names["topic"] = "message_thread_id"
    found = {names[name]: each for name, each in address.items() if name in names}
    if "answers" in address:
        found["reply_parameters"] = {
            "message_id": address["answers"],
            "allow_sending_without_reply": True,
        }
    return found


def buttons(outbound: Outbound) -> list[list[Row]]:
    said = [
        {"text": each, "callback_data": f"{SAY}:{each}"}
        for each in outbound.choices
        if len(each.encode()) <= 60
    ]
    rated = [
        {"text": sign, "callback_data": f"{kind}:{outbound.reference}"}
        for sign, kind in (("👍", HELPFUL), ("👎", UNHELPFUL))
        if outbound.is_rateable
    ]
    return [row for row in (said, rated) if row]
