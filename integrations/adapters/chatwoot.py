"""Chatwoot, as an AgentBot of an inbox. Facts: docs/providers/chatwoot.md."""

from __future__ import annotations

import hmac
import re
import time
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext

from core.exceptions import (
    InvalidPayload,
    InvalidSignature,
    PermanentProviderError,
    ReplyWindowClosed,
)
from core.language import speaking
from integrations.adapters import (
    chatwoot_attributes,
    chatwoot_checks,
    chatwoot_events,
    chatwoot_listing,
)
from integrations.adapters.base import (
    Adapter,
    Check,
    CredentialField,
    Outbound,
    WebhookRequest,
)
from integrations.adapters.chatwoot_api import Api, signature
from integrations.adapters.chatwoot_events import id_of, part
from integrations.adapters.inbound import Inbound, InboundTurnover

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Seconds by which the sender's clock may differ from ours.
CLOCK_TOLERANCE_S = 300
#: Pages of messages that are looked through for an earlier attempt.
_PAGES = 5
#: Longest text that the channel behind an inbox takes; their names for it.
LENGTHS = {
    "Channel::FacebookPage": 2000,
    "Channel::Instagram": 1000,
    "Channel::Line": 5000,
    "Channel::Sms": 1600,
    "Channel::Telegram": 4096,
    "Channel::Tiktok": 1000,
    "Channel::TwilioSms": 1600,
    "Channel::Whatsapp": 4096,
}
_CONVERSATION_EVENTS = ("conversation_status_changed", "conversation_updated")


class ChatwootAdapter(Adapter):
    """Signed webhooks in, calls with the bot's token out."""

    key = "chatwoot"
    label = "Chatwoot"
    max_length = 10_000
    announces_handoff = True
    has_notes = True
    can_list = True
    can_ask = True
    credential_fields: ClassVar[tuple[CredentialField, ...]] = (
        CredentialField("base_url", "Address of Chatwoot", is_secret=False),
        CredentialField("account_id", "Account number", is_secret=False),
        CredentialField("bot_token", "Access token of the bot"),
        CredentialField(
            "webhook_secret", "Webhook secret of the bot", is_required=False
        ),
        CredentialField("inbox_id", "Inbox number", is_secret=False, is_required=False),
        CredentialField("user_token", "Access token of a user", is_required=False),
        CredentialField(
            "connection",
            "Connected as bot or webhook",
            is_secret=False,
            is_required=False,
        ),
        CredentialField(
            "handoff_label", "Label on handoff", is_secret=False, is_required=False
        ),
    )

    @property
    def _has_bot(self) -> bool:
        return self.channel.credentials.get("connection") != "webhook"

    @property
    def _api(self) -> Api:
        return Api(self.channel.credentials)

    # -- what arrives

    def verify(self, request: WebhookRequest) -> None:
        if self.channel.credentials.get("webhook_secret"):
            self._verify_signature(request)
        elif not request.is_addressed:
            # Below 4.12 nothing is signed: then the address is the only key.
            raise InvalidSignature("Send unsigned events to the channel's own address.")

    def _verify_signature(self, request: WebhookRequest) -> None:
        stamp = request.headers.get("x-chatwoot-timestamp", "")
        given = request.headers.get("x-chatwoot-signature", "")
        # Several secrets, separated by commas, allow rotation.
        secrets = self.channel.credentials.get("webhook_secret", "").split(",")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
            raise InvalidSignature("The timestamp of the signature is missing.")
        if abs(time.time() - int(stamp)) > CLOCK_TOLERANCE_S:
            raise InvalidSignature("The timestamp of the signature is too old or new.")
        expected = [
            signature(secret.strip(), stamp, request.body)
            for secret in secrets
            if secret.strip()
        ]
        matches = [
            hmac.compare_digest(given.encode(), each.encode()) for each in expected
        ]
        if not any(matches):
            raise InvalidSignature("The signature does not match.")

    def delivery_key(self, request: WebhookRequest, payload: dict[str, Any]) -> str:
        event = payload.get("event")
        if not isinstance(event, str):
            raise InvalidPayload("`event` is missing.")
        if not self._is_ours(payload):
            return ""
        if event == "message_created":
            return f"message_created:{id_of(payload)}"
        if event == "message_updated" and chatwoot_events.choice_of(payload):
            return f"message_updated:{id_of(payload)}:chosen"
        if event in _CONVERSATION_EVENTS:
            delivery = request.headers.get("x-chatwoot-delivery")
            return f"{event}:{delivery or super().delivery_key(request, payload)}"
        return ""

    def _is_ours(self, payload: dict[str, Any]) -> bool:
        account = part(payload, "account").get("id")
        inbox = part(payload, "inbox").get("id") or payload.get("inbox_id")
        wanted = self.channel.credentials.get("inbox_id")
        return str(account) == self.channel.credentials.get("account_id") and (
            not wanted or inbox is None or str(inbox) == wanted
        )

    def parse(self, payload: dict[str, Any]) -> list[Inbound]:
        if payload["event"] in _CONVERSATION_EVENTS:
            return chatwoot_events.turnover_of(payload, has_bot=self._has_bot)
        if payload["event"] == "message_updated":
            found = chatwoot_events.choice_of(payload)
        else:
            found = chatwoot_events.message_of(payload, part(payload, "conversation"))
        return [found] if found else []

    # -- what leaves

    def longest(self, address: Mapping[str, Any]) -> int:
        return min(self.max_length, LENGTHS.get(address.get("channel", ""), 10_000))

    async def send(self, outbound: Outbound) -> str:
        if outbound.kind == "hand_back":
            await self._hand_back(outbound.address)
            return ""
        if outbound.kind == "hand_off":
            # Before the note: who finds the note later knows that this was done.
            await self._hand_off(outbound)
        text = outbound.text
        if outbound.kind == "hand_off":
            with speaking(settings.LANGUAGE_CODE):
                text = _note(outbound)
        if not text:
            return ""
        message = {
            "content": _without_templates(text),
            "message_type": "outgoing",
            "private": outbound.kind != "text",
            "content_type": "text",
            "content_attributes": {"reference": outbound.reference},
        }
        path = _path(outbound.address, "messages")
        answer = await self._api.post(path, message, is_repeatable=False)
        return str(answer.get("id", "")) if isinstance(answer, dict) else ""

    async def _hand_off(self, outbound: Outbound) -> None:
        """People reply now. Only what differs is written: each change comes back."""
        address = outbound.address
        now = await self._api.get(_path(address))
        # Where a person acted over there, all but `pending` is what they wanted.
        is_theirs = not outbound.text and now.get("status") != "pending"
        if now.get("status") != "open" and not is_theirs:
            await self._api.post(_path(address, "toggle_status"), {"status": "open"})
        label = self.channel.credentials.get("handoff_label")
        labels = now.get("labels") or []
        if label and label not in labels:
            # The call replaces the list.
            body = {"labels": [*labels, label]}
            await self._api.post(_path(address, "labels"), body)

    async def _hand_back(self, address: Mapping[str, Any]) -> None:
        now = await self._api.get(_path(address))
        if now.get("status") != "pending":
            await self._api.post(_path(address, "toggle_status"), {"status": "pending"})

    def vouches_for(self, url: str) -> bool:
        # Where files are kept elsewhere, theirs is a redirect to there.
        return self._api.is_operators and self._api.holds(url)

    async def show_typing(self, address: Mapping[str, Any]) -> None:
        body = {"typing_status": "on"}
        await self._api.post(_path(address, "toggle_typing_status"), body)

    async def look(self, thread: str, address: Mapping[str, Any]) -> list[Inbound]:
        read_at = timezone.now()
        now = await self._api.get(_path(address))
        if now.get("can_reply") is False:
            raise ReplyWindowClosed(
                "The network behind the inbox takes no reply any more.",
                provider=self.key,
            )
        # The last message alone, or as many as a user may list.
        messages = now.get("messages") or []
        if self.can_look():
            path = _path(address, "messages")
            messages = (await self._api.get(path, as_user=True)).get("payload") or []
        found: list[Inbound] = [
            said
            for each in messages
            if chatwoot_events.author_of(each) == "support"
            and (said := chatwoot_events.message_of(each, now))
        ]
        holder = chatwoot_events.holder_of(now, has_bot=self._has_bot)
        if holder is not None:
            found.append(InboundTurnover(thread, holder, read_at=read_at))
        return found

    def thread_url(self, address: Mapping[str, Any]) -> str:
        known, thread = self.channel.credentials, address.get("conversation")
        if not thread:
            return ""
        base = f"{known['base_url'].rstrip('/')}/app/accounts/{known['account_id']}"
        return f"{base}/conversations/{thread}"

    async def set_attributes(
        self, address: Mapping[str, Any], values: Mapping[str, Any]
    ) -> None:
        await chatwoot_attributes.merge(self.channel, address, values)

    def can_look(self) -> bool:
        # The bot's token may not list messages.
        return bool(self.channel.credentials.get("user_token"))

    async def find_sent(self, outbound: Outbound) -> str | None:
        path = _path(outbound.address, "messages")
        before: dict[str, int] = {}
        for _ in range(_PAGES):
            answer = await self._api.get(path, as_user=True, **before)
            messages = answer.get("payload") or []
            for message in messages:
                attributes = message.get("content_attributes") or {}
                if attributes.get("reference") == outbound.reference:
                    return str(message["id"])
            if len(messages) < chatwoot_listing.PAGE:
                return None
            before = {"before": min(each["id"] for each in messages)}
        return None

    # -- what we missed, and whether all is well

    async def missed(self, since: dt.datetime) -> list[Inbound]:
        known = self.channel.credentials
        if not known.get("user_token"):
            raise PermanentProviderError(
                "A bot's token may not list messages; enter the token of a user.",
                provider=self.key,
                code="no_user_token",
            )
        return await chatwoot_listing.missed(
            self._api, since, inbox=known.get("inbox_id", ""), has_bot=self._has_bot
        )

    async def check(self) -> list[Check]:
        return await chatwoot_checks.check(self.channel, self._api)


def _path(address: Mapping[str, Any], action: str = "") -> str:
    path = f"conversations/{address['conversation']}"
    return f"{path}/{action}" if action else path


def _note(outbound: Outbound) -> str:
    """What staff read beside the conversation; nothing where a person acted there."""
    if not outbound.text:
        return ""
    told = outbound.context
    parts = [
        (gettext("Handed over"), told.get("reason_text") or outbound.text),
        (gettext("The customer wrote"), told.get("summary")),
        (gettext("Found in the knowledge base"), "; ".join(told.get("sources", ()))),
        (gettext("On our desk"), told.get("link")),
    ]
    return "\n".join(f"{name}: {text}" for name, text in parts if text)


def _without_templates(text: str) -> str:
    """Break the openers of Liquid, which Chatwoot runs on everything outgoing."""
    return re.sub(r"\{(?=[{%])", "{\u200b", text)
