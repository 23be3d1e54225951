"""Our own chat page and widget."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from core.exceptions import InvalidPayload, InvalidSignature
from core.text import clean_text
from integrations.adapters.base import Adapter, CredentialField, WebhookRequest
from integrations.adapters.inbound import Inbound, InboundMessage

MAX_TEXT = 8000
#: Names of the secrets with which a CRM's server signs who its users are. Both are good,
#: so that one can follow the other without a gap.
SECRET, FORMER_SECRET = "identity_secret", "former_identity_secret"


class WebAdapter(Adapter):
    """The browser sends `{"session_id", "message_id", "text"}` and reads replies here.

    Whoever knows the session id may read the conversation, so the browser makes an
    unguessable one.
    """

    key = "web"
    label = "Chat page"
    is_pulled = True
    is_watched = True
    credential_fields = (
        CredentialField(
            SECRET, "Identity secret", is_required=False, is_generated=True
        ),
        CredentialField(
            FORMER_SECRET,
            "Former identity secret",
            is_required=False,
            is_generated=True,
        ),
    )

    def verify(self, request: WebhookRequest) -> None:
        given = request.headers.get("x-channel-key") or request.query.get("key", "")
        if not hmac.compare_digest(given.encode(), self.channel.key.encode()):
            raise InvalidSignature("The channel key is missing or wrong.")

    def delivery_key(self, request: WebhookRequest, payload: dict[str, Any]) -> str:
        session = _name(payload, "session_id", 16)
        message = _name(payload, "message_id", 1)
        _text(payload, "text", 1, MAX_TEXT)
        # Both may be as long as the key, and may contain whatever stands between them.
        name = f"{len(session)}:{session}{message}"
        return hashlib.sha256(name.encode()).hexdigest()

    def stranger(self, payload: dict[str, Any]) -> str:
        return _name(payload, "session_id", 16)

    def parse(self, payload: dict[str, Any]) -> list[Inbound]:
        session = _name(payload, "session_id", 16)
        return [
            InboundMessage(
                conversation_id=session,
                contact_id=session,
                external_id=_name(payload, "message_id", 1),
                text=_text(payload, "text", 1, MAX_TEXT),
                contact_name=str(payload.get("name") or "")[:200],
            )
        ]


def _name(payload: dict[str, Any], name: str, least: int) -> str:
    value = _text(payload, name, least, 200)
    if len(value) > 200 or value != clean_text(value):
        raise InvalidPayload(f"`{name}` cannot be used as a name.")
    return value


def _text(payload: dict[str, Any], name: str, least: int, most: int) -> str:
    value = payload.get(name)
    if not isinstance(value, str) or not least <= len(value.strip()) <= most:
        raise InvalidPayload(
            f"`{name}` must be a text of {least} to {most} characters."
        )
    if "\x00" in value:
        raise InvalidPayload(f"`{name}` must not contain NUL characters.")
    return value
