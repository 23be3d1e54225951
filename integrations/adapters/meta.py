"""What Instagram, Messenger and WhatsApp share, because all of them are Meta's.

Facts: docs/providers/meta.md.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from core.exceptions import InvalidSignature, ProviderError, ReplyWindowClosed
from integrations.adapters.base import (
    Adapter,
    Check,
    CredentialField,
    Outbound,
    WebhookRequest,
    require_secret,
)
from integrations.adapters.inbound import Inbound, InboundErasure
from integrations.adapters.meta_api import GraphApi
from integrations.adapters.meta_signing import (
    DELETION,
    is_deletion,
    require_signature,
    words_of_deletion,
)
from integrations.adapters.rows import Row, name_of, part, rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Seconds after the contact's words in which anybody may reply, and a person may.
WINDOW_S: Final = 24 * 3600
PERSONS_WINDOW_S: Final = 7 * WINDOW_S


class MetaAdapter(Adapter):
    """Signed webhooks in, calls of the Graph API out."""

    is_greeted = True
    connects = True
    #: `object` of its webhooks, and where its Graph API is.
    object: ClassVar[str]
    host: ClassVar[str] = "https://graph.facebook.com"
    #: The credential that names us in its webhooks.
    identity: ClassVar[str]
    #: A person's words may leave for seven days.
    has_human_tag: ClassVar[bool] = False
    shared_fields: ClassVar[tuple[CredentialField, ...]] = (
        CredentialField("app_secret", "Secret of the Meta app"),
        CredentialField("access_token", "Access token"),
        CredentialField(
            "verify_token",
            "Verify token",
            is_required=False,
            is_generated=True,
            is_told=True,
        ),
    )

    # What arrives

    def greet(self, query: Mapping[str, str]) -> str:
        if "deletion" in query:
            return _("What was kept of you here was erased right after your request.")
        require_secret(
            query.get("hub.verify_token", ""),
            self.channel.credentials.get("verify_token", ""),
        )
        if query.get("hub.mode") != "subscribe":
            raise InvalidSignature("Only a subscription is confirmed here.")
        return query.get("hub.challenge", "")

    def verify(self, request: WebhookRequest) -> None:
        require_signature(request, self.channel.credentials["app_secret"])

    def decode(self, body: bytes) -> Row:
        if not is_deletion(body):
            return super().decode(body)
        return {DELETION: super().decode(words_of_deletion(body))}

    def delivery_key(self, request: WebhookRequest, payload: Row) -> str:
        if asked := part(payload, DELETION):
            return f"deletion:{name_of(asked, 'user_id')}:{asked.get('issued_at')}"
        if payload.get("object") != self.object:
            return ""
        # Several events come together, and may be put together anew the next time.
        names = [self.event_name(item) for item in self.items(payload)]
        if not names:
            return ""
        told = json.dumps(sorted(names)).encode()
        return hashlib.sha256(told).hexdigest()

    def parse(self, payload: Row) -> list[Inbound]:
        if asked := part(payload, DELETION):
            return [InboundErasure(name_of(asked, "user_id"))]
        found: list[Inbound] = []
        for item in self.items(payload):
            found += self.read(item)
        return found

    def acknowledge(self, payload: Row) -> dict[str, Any]:
        asked = part(payload, DELETION)
        if not asked:
            return {"status": "ok"}
        told = f"{self.channel.uuid}:{asked.get('user_id')}".encode()
        code = hashlib.sha256(told).hexdigest()[:16]
        path = f"/webhooks/{self.key}/{self.channel.uuid}?deletion={code}"
        return {"url": f"{settings.PUBLIC_URL}{path}", "confirmation_code": code}

    def items(self, payload: Row) -> Iterator[Row]:
        """Every event of a delivery that is ours."""
        own = self.channel.credentials.get(self.identity, "")
        for entry in rows(payload, "entry"):
            if str(entry.get("id")) == own:
                yield from self.events(entry)

    def events(self, entry: Row) -> Iterator[Row]:
        """The events of one entry."""
        raise NotImplementedError

    def event_name(self, item: Row) -> list[Any]:
        """What is the same each time an event is delivered."""
        raise NotImplementedError

    def read(self, item: Row) -> list[Inbound]:
        """What one event says."""
        raise NotImplementedError

    # What we send

    def is_late(self, address: Mapping[str, Any]) -> bool:
        most = PERSONS_WINDOW_S if self.has_human_tag else WINDOW_S
        return _age_s(address) >= most

    def window_of(self, outbound: Outbound) -> str:
        """`open`, or `persons` where only a person may reply; raises when closed."""
        if _age_s(outbound.address) < WINDOW_S:
            return "open"
        if outbound.is_by_person and not self.is_late(outbound.address):
            return "persons"
        raise ReplyWindowClosed(
            _("The customer wrote more than 24 hours ago; Meta delivers no reply now."),
            provider=self.key,
        )

    @property
    def api(self) -> GraphApi:
        """Calls with this channel's token."""
        return GraphApi(self.key, self.host, self.channel.credentials["access_token"])

    # How it is set up

    def prepare(self) -> dict[str, str]:
        return {"verify_token": secrets.token_urlsafe(24)}

    async def check(self) -> list[Check]:
        try:
            name = await self.own_name()
        except ProviderError as exc:
            return [Check(gettext_noop("Access token"), is_ok=False, detail=str(exc))]
        return [Check(gettext_noop("Access token"), is_ok=True, detail=name)]

    async def own_name(self) -> str:
        """What the account is called over there; raises `ProviderError`."""
        raise NotImplementedError


def _age_s(address: Mapping[str, Any]) -> float:
    """Seconds since the contact's last words."""
    return time.time() - float(address.get("at", 0))
