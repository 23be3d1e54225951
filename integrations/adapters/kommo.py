"""Kommo, by a widget block in a Salesbot. Facts: docs/providers/kommo.md.

The bot calls us with the customer's words and an address at which it waits; the reply
goes there, once, and sends the bot on.
"""

from __future__ import annotations

import hashlib
import re
import time
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import parse_qsl

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from core.exceptions import (
    InvalidPayload,
    InvalidSignature,
    PermanentProviderError,
    ProviderError,
)
from integrations.adapters.base import (
    Adapter,
    Attachment,
    Check,
    CredentialField,
    Inbound,
    InboundMessage,
    Outbound,
    Turnover,
    WebhookRequest,
    json_object,
)
from integrations.kommo import hosts, signing
from integrations.kommo.api import Api, NotThere
from integrations.kommo.replies import continuation

if TYPE_CHECKING:
    from collections.abc import Mapping

_FORM: Final = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*(?:%5[Bb]|\[|=)")
_KEY: Final = re.compile(r"([A-Za-z_]\w*)((?:\[\w+\])*)\Z", re.ASCII)
_MOST_FIELDS: Final = 200
#: What Kommo leaves in place of what it does not know.
_PLACEHOLDER: Final = re.compile(r"\s*\{\{.*\}\}\s*\Z", re.DOTALL)
_NUMBER: Final = re.compile(r"[0-9]{1,18}\Z", re.ASCII)
#: Seconds by which Kommo's clock may differ from ours.
_CLOCK_TOLERANCE_S: Final = 5
#: What the names of an entity are in addresses of the API.
_PLURALS: Final = {"lead": "leads", "contact": "contacts"}


class KommoAdapter(Adapter):
    """Signed calls of a bot in, one `continue` for each out."""

    key = "kommo"
    label = "Kommo"
    #: A bot waits for one reply, so nothing is cut.
    max_length = 20_000
    announces_handoff = True
    has_notes = True
    can_ask = True
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
        payload = _decode(request.body)
        return _number(signing.claims_of(_text(payload, "token")), "account_id")

    def verify(self, request: WebhookRequest) -> None:
        if self.channel.credentials.get("secret_key"):
            payload = self.decode(request.body)
            token = request.headers.get("x-auth-token") or _text(payload, "token")
            known = {**self.channel.credentials, "host": self.host}
            signing.verify(token, known)
        elif not request.is_addressed:
            # Without the integration's secret the address is the only key.
            raise InvalidSignature("Send unsigned calls to the channel's own address.")

    def decode(self, body: bytes) -> dict[str, Any]:
        return _decode(body)

    def delivery_key(self, request: WebhookRequest, payload: dict[str, Any]) -> str:
        if not isinstance(payload.get("data"), dict):
            raise InvalidPayload("`data` is missing.")
        if not _text(payload, "return_url"):
            raise InvalidPayload("`return_url` is missing.")
        return self._name(payload)

    def _name(self, payload: dict[str, Any]) -> str:
        """A name of the call: its bot waits once at each address."""
        return hashlib.sha256(_text(payload, "return_url").encode()).hexdigest()

    def parse(self, payload: dict[str, Any]) -> list[Inbound]:
        claims = signing.claims_of(_text(payload, "token"))
        is_signed = bool(self.channel.credentials.get("secret_key"))
        # Where the token is genuine and says on what the bot runs, its word stands.
        kind, number = signing.entity_of(claims) if is_signed else ("", "")
        data = payload["data"] if isinstance(payload.get("data"), dict) else {}
        known = {each: _number(data, f"{each}_id") for each in _PLURALS}
        if kind:
            known[kind] = number
        name = self._name(payload)
        entity = next((each for each, known_id in known.items() if known_id), "")
        thread = f"{entity}-{known[entity]}" if entity else f"bot-{name}"
        text = _text(data, "message")
        return [
            InboundMessage(
                conversation_id=thread,
                contact_id=f"contact-{known['contact']}"
                if known["contact"]
                else thread,
                external_id=name,
                text=text,
                # A picture or a voice message comes without words, and without a link.
                attachments=() if text.strip() else (Attachment("file"),),
                contact_name=_text(data, "name")[:200],
                address={
                    "path": hosts.continue_path(
                        _text(payload, "return_url"), self.host
                    ),
                    "entity": entity,
                    "number": known.get(entity, ""),
                    "at": _time_of(claims),
                },
            )
        ]

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
        if not path:
            raise PermanentProviderError(
                _("The bot's return address is not of this Kommo account."),
                provider=self.key,
            )
        body = continuation(outbound.text, hands_off=outbound.hands_off)
        try:
            await self.api.call("POST", path, json=body)
        except NotThere as exc:
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
        return str(path)

    def can_look(self) -> bool:
        return True

    async def find_sent(self, outbound: Outbound) -> str | None:
        """Asked again: a bot that has gone on has got the reply of the first time."""
        path = outbound.address.get("path", "")
        if outbound.kind != "text" or not path:
            return None
        body = continuation(outbound.text, hands_off=outbound.hands_off)
        try:
            await self.api.call("POST", path, json=body)
        except NotThere:
            return str(path)
        return str(path)

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

    async def who_replies(self, address: Mapping[str, Any]) -> Turnover | None:
        """A person's message in Kommo is no event of ours; it is looked for."""
        if not address.get("entity"):
            return None
        found = await self.api.call(
            "GET",
            "/api/v4/events",
            params={
                "filter[type]": "outgoing_chat_message",
                "filter[entity]": address["entity"],
                "filter[entity_id]": address["number"],
                "limit": 20,
            },
        )
        since = address.get("at", 0) - _CLOCK_TOLERANCE_S
        by_person = [
            each
            for each in found.get("_embedded", {}).get("events", [])
            # 0 is a robot.
            if each.get("created_by") and each.get("created_at", 0) >= since
        ]
        return Turnover.TO_SUPPORT if by_person else None

    # Whether it works ---------------------------------------------------------

    async def check(self) -> list[Check]:
        if not self.host:
            return [
                Check(
                    gettext_noop("Account"),
                    is_ok=False,
                    detail=_("The address is not one of a Kommo account."),
                    hint=_("It is like shop.kommo.com."),
                )
            ]
        found = [await self._look_at_account()]
        if found[0].is_ok:
            found.append(await self._look_for_bots())
        has_secret = bool(self.channel.credentials.get("secret_key"))
        found.append(
            Check(
                gettext_noop("Signature"),
                is_ok=has_secret,
                detail=_("Calls are verified with the integration's secret key.")
                if has_secret
                else _("Calls are not verified: the secret key is not known."),
                hint=_("Copy the secret key of the integration from Kommo."),
            )
        )
        return found

    async def _look_at_account(self) -> Check:
        try:
            found = await self.api.call("GET", "/api/v4/account")
        except ProviderError as exc:
            return Check(
                gettext_noop("Access"),
                is_ok=False,
                detail=str(exc),
                hint=_("Connect the account, or enter a long-lived token."),
            )
        name = f"{found.get('name', '')} ({found.get('id', '')})"
        known = self.channel.credentials.get("account_id")
        if known and str(found.get("id")) != known:
            return Check(
                gettext_noop("Access"),
                is_ok=False,
                detail=_("The token is of another account: %(name)s.") % {"name": name},
                hint=_("Enter the address and the token of the same account."),
            )
        return Check(
            gettext_noop("Access"),
            is_ok=True,
            detail=_("Connected to %(name)s.") % {"name": name},
        )

    async def _look_for_bots(self) -> Check:
        try:
            found = await self.api.call(
                "GET", "/api/v4/bots", params={"page": 1, "limit": 250}
            )
        except ProviderError as exc:
            return Check(gettext_noop("Salesbot"), is_ok=False, detail=str(exc))
        rows = found.get("_embedded", {}).get("bots", found.get("items", []))
        names = ", ".join(str(each.get("name", "")) for each in rows[:5])
        return Check(
            gettext_noop("Salesbot"),
            is_ok=bool(rows),
            detail=_("Salesbots: %(names)s.") % {"names": names}
            if rows
            else _("There is no Salesbot yet."),
            hint=_("Make one in Kommo and add our widget to it; see Setup."),
        )


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


def _decode(body: bytes) -> dict[str, Any]:
    """JSON as documented, or the form that was seen in its place."""
    if not _FORM.match(body):
        return json_object(body)
    try:
        pairs = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError as exc:
        raise InvalidPayload("The body is neither JSON nor a form.") from exc
    found: dict[str, Any] = {}
    for name, value in pairs:
        _put(found, name, value)
    return found


def _put(found: dict[str, Any], name: str, value: str) -> None:
    """Put a field of a form, as in `data[message]`, in its place."""
    match = _KEY.match(name)
    if match is None:
        return
    *way, last = [match[1], *re.findall(r"\w+", match[2])]
    place = found
    for each in way:
        inner = place.setdefault(each, {})
        if not isinstance(inner, dict):
            return
        place = inner
    place[last] = value


def _text(payload: Mapping[str, Any], name: str) -> str:
    """A text; empty where it is missing, none, or a placeholder that was left as is."""
    value = payload.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or _PLACEHOLDER.match(value):
        return ""
    return value.encode("utf-8", "replace").decode().replace("\x00", "")


def _number(payload: Mapping[str, Any], name: str) -> str:
    value = _text(payload, name).strip()
    return value if _NUMBER.match(value) else ""


def _time_of(claims: Mapping[str, Any]) -> int:
    """When the customer wrote, as well as we know."""
    value = claims.get("iat")
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 0 < value < 2**40 else int(time.time())  # type: ignore[operator,return-value]
