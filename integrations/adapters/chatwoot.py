"""Chatwoot, as an AgentBot of an inbox. Facts: docs/providers/chatwoot.md."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings

from core import http
from core.exceptions import (
    InvalidPayload,
    InvalidSignature,
    TemporaryProviderError,
    UncertainProviderError,
)
from integrations.adapters import chatwoot_attributes
from integrations.adapters.base import (
    Adapter,
    CredentialField,
    Inbound,
    InboundMessage,
    InboundTurnover,
    Outbound,
    Turnover,
    WebhookRequest,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Seconds by which the sender's clock may differ from ours.
CLOCK_TOLERANCE_S = 300
#: Their ids are numbers; some of other objects are short words.
_ID = re.compile(r"[\w-]{1,100}\Z", re.ASCII)
#: What a status of theirs means for who replies; `snoozed` changes nothing.
TURNOVERS = {
    "open": Turnover.TO_SUPPORT,
    "pending": Turnover.TO_ASSISTANT,
    "resolved": Turnover.CLOSED,
}


class ChatwootAdapter(Adapter):
    """Signed webhooks in, calls with the bot's token out."""

    key = "chatwoot"
    label = "Chatwoot"
    max_length = 10_000
    announces_handoff = True
    has_notes = True
    credential_fields: ClassVar[tuple[CredentialField, ...]] = (
        CredentialField("base_url", "Address of Chatwoot", is_secret=False),
        CredentialField("account_id", "Account number", is_secret=False),
        CredentialField("bot_token", "Access token of the bot"),
        CredentialField(
            "webhook_secret", "Webhook secret of the bot", is_required=False
        ),
        CredentialField("inbox_id", "Inbox number", is_secret=False, is_required=False),
        CredentialField("user_token", "Access token of a user", is_required=False),
    )

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
        signed = stamp.encode() + b"." + request.body
        expected = [
            "sha256="
            + hmac.new(secret.strip().encode(), signed, hashlib.sha256).hexdigest()
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
            return f"message_created:{_id(payload)}"
        if event in ("conversation_status_changed", "conversation_updated"):
            delivery = request.headers.get("x-chatwoot-delivery")
            return f"{event}:{delivery or super().delivery_key(request, payload)}"
        return ""

    def _is_ours(self, payload: dict[str, Any]) -> bool:
        account = _object(payload, "account").get("id")
        inbox = _object(payload, "inbox").get("id") or payload.get("inbox_id")
        wanted = self.channel.credentials.get("inbox_id")
        return str(account) == self.channel.credentials.get("account_id") and (
            not wanted or inbox is None or str(inbox) == wanted
        )

    def parse(self, payload: dict[str, Any]) -> list[Inbound]:
        if payload["event"] == "message_created":
            return self._parse_message(payload)
        return self._parse_conversation(payload)

    def _parse_message(self, payload: dict[str, Any]) -> list[Inbound]:
        if payload.get("private"):
            return []
        author: Any = None
        if payload.get("message_type") == "incoming":
            author = "contact"
        elif payload.get("message_type") == "outgoing" and _is_by_person(payload):
            author = "support"
        if author is None:
            return []
        conversation = _object(payload, "conversation")
        person = _object(_object(conversation, "meta"), "sender")
        if author == "contact":
            person = _object(payload, "sender") or person
        thread = _id(conversation, "conversation.id")
        # Null where there are only attachments.
        content = payload.get("content")
        return [
            InboundMessage(
                conversation_id=thread,
                contact_id=(
                    f"conversation-{thread}"
                    if person.get("id") is None
                    else _id(person, "sender.id")
                ),
                external_id=_id(payload),
                text=content if isinstance(content, str) else "",
                author=author,
                contact_name=str(person.get("name") or ""),
                contact_email=str(person.get("email") or ""),
                address={"conversation": thread},
            )
        ]

    def _parse_conversation(self, payload: dict[str, Any]) -> list[Inbound]:
        thread = _id(payload)
        changes: dict[str, Any] = {}
        listed = payload.get("changed_attributes")
        for change in listed if isinstance(listed, list) else []:
            if isinstance(change, dict):
                changes.update(change)
        if "status" in changes or payload["event"] == "conversation_status_changed":
            turnover = TURNOVERS.get(str(payload.get("status")))
            return [InboundTurnover(thread, turnover)] if turnover else []
        assignee_type = _object(payload, "meta").get("assignee_type")
        if "assignee_id" in changes and assignee_type == "User":
            return [InboundTurnover(thread, Turnover.TO_SUPPORT)]
        return []

    async def send(self, outbound: Outbound) -> str:
        if outbound.kind == "hand_back":
            await self._call(outbound, "toggle_status", {"status": "pending"})
            return ""
        if outbound.kind == "hand_off":
            # Before the note: who finds the note later knows that this was done.
            await self._call(outbound, "toggle_status", {"status": "open"})
        message = {
            "content": _without_templates(outbound.text),
            "message_type": "outgoing",
            "private": outbound.kind != "text",
            "content_type": "text",
            "content_attributes": {"reference": outbound.reference},
        }
        answer = await self._call(outbound, "messages", message)
        return str(answer.get("id", ""))

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
        token = self.channel.credentials["user_token"]
        answer = await self._call(outbound, "messages", None, token=token)
        for message in answer.get("payload", []):
            attributes = message.get("content_attributes") or {}
            if attributes.get("reference") == outbound.reference:
                return str(message["id"])
        return None

    async def _call(
        self,
        outbound: Outbound,
        action: str,
        body: dict[str, Any] | None,
        *,
        token: str = "",
    ) -> dict[str, Any]:
        credentials = self.channel.credentials
        url = (
            f"{credentials['base_url'].rstrip('/')}/api/v1/accounts/"
            f"{credentials['account_id']}/conversations/"
            f"{outbound.address['conversation']}/{action}"
        )
        response = await http.request(
            "GET" if body is None else "POST",
            url,
            provider=self.key,
            # What the operator set may be on this network; what an owner typed not.
            trusted=credentials["base_url"] == settings.CHATWOOT_BASE_URL,
            # A status may be set twice; a message may not be posted twice.
            repeatable=None if action == "messages" else True,
            json=body,
            headers={"Api-Access-Token": token or credentials["bot_token"]},
        )
        try:
            answer = (
                http.json_of(response, provider=self.key) if response.content else {}
            )
        except TemporaryProviderError as exc:
            # It said yes, but the answer is not Chatwoot's.
            raise UncertainProviderError(str(exc), provider=self.key) from exc
        return answer if isinstance(answer, dict) else {}


def _id(payload: dict[str, Any], name: str = "id") -> str:
    """The id of an object of theirs; raises `InvalidPayload` when it has none."""
    value = payload.get("id")
    if (
        isinstance(value, bool)
        or not isinstance(value, int | str)
        or not _ID.match(str(value))
    ):
        raise InvalidPayload(f"`{name}` is missing.")
    return str(value)


def _object(payload: dict[str, Any], name: str) -> dict[str, Any]:
    value = payload.get(name)
    return value if isinstance(value, dict) else {}


def _is_by_person(payload: dict[str, Any]) -> bool:
    attributes = _object(payload, "content_attributes")
    if attributes.get("reference"):
        return False
    if attributes.get("external_echo"):
        return True
    return (
        _object(payload, "sender").get("type") == "user"
        and not attributes.get("automation_rule_id")
        and not _object(payload, "additional_attributes").get("campaign_id")
    )


def _without_templates(text: str) -> str:
    """Break the openers of Liquid, which Chatwoot runs on everything outgoing."""
    return re.sub(r"\{(?=[{%])", "{\u200b", text)
