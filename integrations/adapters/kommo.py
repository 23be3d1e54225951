"""Kommo, by a widget block in a Salesbot. Facts: docs/providers/kommo.md.

The bot calls us with the customer's words and an address at which it waits; the reply
goes there, once, and sends the bot on. Where no bot waits, and the owner has set it up,
the reply goes into a field of the lead, and a bot of one step sends it.
"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.utils.translation import gettext as _

from core.exceptions import (
    InvalidPayload,
    InvalidSignature,
    PermanentProviderError,
)
from integrations.adapters.base import (
    Adapter,
    Check,
    CredentialField,
    Outbound,
    WebhookRequest,
)
from integrations.adapters.inbound import Attachment, Inbound, InboundMessage
from integrations.kommo import hooks, hosts, leads, looking, signing, values
from integrations.kommo.api import Api, NotThere
from integrations.kommo.replies import continuation
from integrations.kommo.values import number_of, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What the names of an entity are in addresses of the API.
_PLURALS: Final = {"lead": "leads", "contact": "contacts"}


class KommoAdapter(Adapter):
    """Signed calls of a bot in, one `continue` for each out; or webhook and field."""

    key = "kommo"
    label = "Kommo"
    #: A bot waits for one reply, so nothing is cut.
    max_length = 20_000
    announces_handoff = True
    has_notes = True
    can_ask = True
    tells_about = True
    credential_fields: ClassVar[tuple[CredentialField, ...]] = (
        CredentialField("host", "Address of the account", is_secret=False),
        CredentialField(
            "integration_id", "Integration ID", is_secret=False, is_required=False
        ),
        CredentialField("secret_key", "Secret key", is_required=False),
        CredentialField("token", "Long-lived token", is_required=False),
        CredentialField(
            "account_id",
            "Account number",
            is_secret=False,
            is_required=False,
            is_generated=True,
        ),
        CredentialField(
            "hook_token", "Secret of the webhook", is_required=False, is_generated=True
        ),
    )

    @property
    def host(self) -> str:
        """The host of the account; empty: what was entered is none."""
        try:
            return hosts.account_host(self.channel.credentials.get("host", ""))
        except InvalidPayload:
            return ""

    @property
    def api(self) -> Api:
        """Calls with this channel's token."""
        return Api(self.channel, self.host)

    # What comes in ------------------------------------------------------------

    @classmethod
    def account_of(cls, request: WebhookRequest) -> str:
        payload = values.decode(request.body)
        return number_of(signing.claims_of(text_of(payload, "token")), "account_id")

    def verify(self, request: WebhookRequest) -> None:
        payload = self.decode(request.body)
        if hooks.is_hook(payload):
            hooks.verify(request, payload, self.channel, self.host)
        elif self._is_signed:
            token = request.headers.get("x-auth-token") or text_of(payload, "token")
            known = {**self.channel.credentials, "host": self.host}
            signing.verify(token, known)
        elif not request.is_addressed:
            # Without the integration's secret the address is the only key.
            raise InvalidSignature("Send unsigned calls to the channel's own address.")

    def decode(self, body: bytes) -> dict[str, Any]:
        return values.decode(body)

    def delivery_key(self, request: WebhookRequest, payload: dict[str, Any]) -> str:
        if hooks.is_hook(payload):
            return hooks.delivery_key(payload, request.body, self.channel)
        if not isinstance(payload.get("data"), dict):
            raise InvalidPayload("`data` is missing.")
        if not text_of(payload, "return_url"):
            raise InvalidPayload("`return_url` is missing.")
        return self._name(payload)

    def _name(self, payload: dict[str, Any]) -> str:
        """A name of the call: a token is good once, and so is an address."""
        token = signing.claims_of(text_of(payload, "token")) if self._is_signed else {}
        name = text_of(token, "jti") or text_of(payload, "return_url")
        return hashlib.sha256(name.encode()).hexdigest()

    @property
    def _is_signed(self) -> bool:
        return bool(self.channel.credentials.get("secret_key"))

    def parse(self, payload: dict[str, Any]) -> list[Inbound]:
        if hooks.is_hook(payload):
            return [*hooks.parse(payload, self.channel)]
        return [self._call(payload)]

    def _call(self, payload: dict[str, Any]) -> InboundMessage:
        claims = signing.claims_of(text_of(payload, "token"))
        # Where the token is genuine and says on what the bot runs, its word stands.
        kind, number = signing.entity_of(claims) if self._is_signed else ("", "")
        data = payload["data"] if isinstance(payload.get("data"), dict) else {}
        known = {each: number_of(data, f"{each}_id") for each in _PLURALS}
        if kind:
            known[kind] = number
        name = self._name(payload)
        entity = next((each for each, known_id in known.items() if known_id), "")
        thread = f"{entity}-{known[entity]}" if entity else f"bot-{name}"
        text = text_of(data, "message")
        return InboundMessage(
            conversation_id=thread,
            contact_id=f"contact-{known['contact']}" if known["contact"] else thread,
            external_id=f"{hooks.CALL}{name}",
            text=text,
            # A picture or a voice message comes without words, and without a link.
            attachments=() if text.strip() else (Attachment("file"),),
            contact_name=text_of(data, "name")[:200],
            address={
                "path": hosts.continue_path(text_of(payload, "return_url"), self.host),
                "entity": entity,
                "number": known.get(entity, ""),
                "at": _time_of(claims),
            },
            twin=hooks.HOOK,
        )

    # What goes out ------------------------------------------------------------

    async def send(self, outbound: Outbound) -> str:
        if outbound.kind == "text":
            return await self._reply(outbound)
        if outbound.kind == "hand_off":
            await self._stop_bot(outbound.address)
        if outbound.kind in ("hand_off", "note") and outbound.text.strip():
            return await self._note(outbound.address, _note_of(outbound))
        # Handed back: the pipeline's trigger starts the bot at the next words.
        return ""

    async def _reply(self, outbound: Outbound) -> str:
        path = outbound.address.get("path", "")
        if not path and not self._may_run(outbound.address):
            raise PermanentProviderError(
                _("The bot's return address is not of this Kommo account."),
                provider=self.key,
            )
        try:
            return await self._continue(outbound) if path else await self._run(outbound)
        except NotThere as exc:
            if path and self._may_run(outbound.address):
                return await self._run(outbound)
            await self._note(
                outbound.address,
                _("This reply did not reach the customer: %(text)s")
                % {"text": outbound.text},
            )
            raise PermanentProviderError(
                _("The Salesbot does not wait for a reply any more."),
                provider=self.key,
                code="bot_gone",
                status=404,
            ) from exc

    async def _continue(self, outbound: Outbound) -> str:
        """Send the bot that waits on; raises `NotThere` where none does."""
        path = str(outbound.address["path"])
        body = continuation(outbound.text, hands_off=outbound.hands_off)
        await self.api.call("POST", path, json=body)
        return path

    async def _run(self, outbound: Outbound) -> str:
        """Have the bot of one step say it."""
        settings = self.channel.settings
        return await leads.say(self.api, outbound.address, settings, outbound.text)

    def _may_run(self, address: Mapping[str, Any]) -> bool:
        settings = self.channel.settings
        is_set_up = bool(settings.get("bot") and settings.get("field"))
        return is_set_up and address.get("entity") == "lead"

    def can_look(self) -> bool:
        return True

    async def find_sent(self, outbound: Outbound) -> str | None:
        """Asked again: a bot that has gone on has got the reply of the first time.

        What a bot of one step should say is looked for among what bots have said.
        """
        if outbound.kind != "text":
            return None
        if self._may_run(outbound.address):
            return await self._find_said(outbound)
        path = outbound.address.get("path", "")
        if not path:
            return None
        try:
            return await self._continue(outbound)
        except NotThere:
            return str(path)

    async def _find_said(self, outbound: Outbound) -> str | None:
        if not await leads.has_robot_spoken(self.api, outbound.address):
            return None
        if outbound.is_by_person:
            # What a bot said since may as well be the assistant's.
            raise PermanentProviderError(
                _("Whether this reply arrived cannot be found out; look in Kommo."),
                provider=self.key,
            )
        return f"bot-{self.channel.settings['bot']}"

    async def _stop_bot(self, address: Mapping[str, Any]) -> None:
        """End the bot, so that it catches no words that are a person's."""
        bot = hosts.bot_of(address.get("path", ""))
        if not bot or not address.get("entity"):
            return
        runs_on = {
            "entity_id": int(address["number"]),
            "entity_type": _PLURALS[address["entity"]],
        }
        try:
            await self.api.call("POST", f"/api/v4/bots/{bot}/stop", json=runs_on)
        except NotThere:
            return  # it has ended by itself

    async def _note(self, address: Mapping[str, Any], text: str) -> str:
        """A note that only staff see, on what the bot runs on."""
        entity = _PLURALS.get(address.get("entity", ""))
        if not entity:
            return ""
        note = [{"note_type": "common", "params": {"text": text}}]
        path = f"/api/v4/{entity}/{address['number']}/notes"
        found = await self.api.call("POST", path, json=note)
        rows = found.get("_embedded", {}).get("notes", [{}])
        return str(rows[0].get("id", ""))

    async def look(self, thread: str, address: Mapping[str, Any]) -> list[Inbound]:
        """A person's message in Kommo, or a lead's move, is no event of ours to trust."""
        if not address.get("entity"):
            return []
        stage = self.channel.settings.get("stage", "")
        found = await leads.turnover(self.api, thread, address, stage)
        return [found] if found else []

    async def about(self, address: Mapping[str, Any]) -> dict[str, str]:
        settings = self.channel.settings
        if not settings.get("about") or address.get("entity") != "lead":
            return {}
        return await leads.about(self.api, address["number"], settings)

    async def check(self) -> list[Check]:
        return await looking.look(self.api, self.host, self.channel)


def _note_of(outbound: Outbound) -> str:
    """What a person should know of a conversation that becomes theirs."""
    context = outbound.context
    sources = ", ".join(context.get("sources", ()))
    lines = (
        _("The assistant has handed over: %(reason)s") % {"reason": outbound.text}
        if outbound.kind == "hand_off"
        else outbound.text,
        context.get("summary", ""),
        _("Sources: %(sources)s") % {"sources": sources} if sources else "",
        context.get("link", ""),
    )
    return "\n".join(each for each in lines if each)


def _time_of(claims: Mapping[str, Any]) -> int:
    """When the customer wrote, as well as we know."""
    value = claims.get("iat")
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 0 < value < 2**40 else int(time.time())  # type: ignore[operator,return-value]
