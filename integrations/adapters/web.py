"""Our own chat page and widget."""

from __future__ import annotations

import hmac
from typing import Any

from core.exceptions import InvalidPayload, InvalidSignature
from integrations.adapters.base import (
    Adapter,
    Inbound,
    InboundMessage,
    WebhookRequest,
)

MAX_TEXT = 8000


class WebAdapter(Adapter):
    """The browser sends `{"session_id", "message_id", "text"}` and reads replies here.

    Whoever knows the session id may read the conversation, so the browser makes an
    unguessable one.
    """

    key = "web"
    label = "Chat page"
    is_pulled = True

    def verify(self, request: WebhookRequest) -> None:
        given = request.headers.get("x-channel-key") or request.query.get("key", "")
        if not hmac.compare_digest(given.encode(), self.channel.key.encode()):
            raise InvalidSignature("The channel key is missing or wrong.")

    def delivery_key(self, request: WebhookRequest, payload: dict[str, Any]) -> str:
        session = _text(payload, "session_id", 16, 200)
        message = _text(payload, "message_id", 1, 200)
        _text(payload, "text", 1, MAX_TEXT)
        return f"{session}:{message}"[:200]

    def parse(self, payload: dict[str, Any]) -> list[Inbound]:
        session = payload["session_id"]
        return [
            InboundMessage(
                conversation_id=session,
                contact_id=session,
                external_id=payload["message_id"],
                text=payload["text"],
                contact_name=str(payload.get("name") or "")[:200],
            )
        ]


def _text(payload: dict[str, Any], name: str, least: int, most: int) -> str:
    value = payload.get(name)
    if not isinstance(value, str) or not least <= len(value.strip()) <= most:
        raise InvalidPayload(
            f"`{name}` must be a text of {least} to {most} characters."
        )
    if "\x00" in value:
        raise InvalidPayload(f"`{name}` must not contain NUL characters.")
    return value
