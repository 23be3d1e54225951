"""What Instagram, Messenger and WhatsApp share, because all of them are Meta's.

Facts: docs/providers/meta.md.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import parse_qs

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from core import http
from core.exceptions import (
    ConversationGone,
    CredentialsRefused,
    InvalidPayload,
    InvalidSignature,
    PermanentProviderError,
    ProviderError,
    ReplyWindowClosed,
    TemporaryProviderError,
    ThreadTaken,
    UncertainProviderError,
)
from integrations.adapters.base import (
    Adapter,
    Check,
    CredentialField,
    Inbound,
    InboundErasure,
    Outbound,
    WebhookRequest,
    require_secret,
)
from integrations.adapters.rows import Row, name_of, part, rows, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx2

#: Seconds after the contact's words in which anybody may reply, and a person may.
WINDOW_S: Final = 24 * 3600
PERSONS_WINDOW_S: Final = 7 * WINDOW_S
#: Codes of refusals that stand for something else than "do not repeat this".
_ERRORS: Final[dict[int, type[ProviderError]]] = {
    **dict.fromkeys((190, 463, 467), CredentialsRefused),
    **dict.fromkeys((551, 2018001), ConversationGone),
    **dict.fromkeys((2018278, 131047), ReplyWindowClosed),
    2018300: ThreadTaken,
    **dict.fromkeys((1, 2, 4, 17, 32, 613, 80007), TemporaryProviderError),
    **dict.fromkeys((130429, 131048, 131056), TemporaryProviderError),
}
#: One message every six seconds to one customer.
_PAIR_LIMIT: Final = 131056
_DELETION: Final = "signed_request"


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
        if request.body.startswith(f"{_DELETION}=".encode()):
            signature, signed = _deletion_of(request.body)
        else:
            given = request.headers.get("x-hub-signature-256", "")
            signature, signed = given.removeprefix("sha256="), request.body
            if signature == given:
                raise InvalidSignature("The signature is missing.")
        # Several secrets, separated by commas, allow rotation.
        known = self.channel.credentials["app_secret"].split(",")
        made = (
            hmac.new(each.strip().encode(), signed, hashlib.sha256).hexdigest()
            for each in known
            if each.strip()
        )
        if not any(
            hmac.compare_digest(signature.encode(), each.encode()) for each in made
        ):
            raise InvalidSignature("The signature does not match.")

    def decode(self, body: bytes) -> Row:
        if not body.startswith(f"{_DELETION}=".encode()):
            return super().decode(body)
        return {_DELETION: super().decode(_unpacked(_deletion_of(body)[1]))}

    def delivery_key(self, request: WebhookRequest, payload: Row) -> str:
        if asked := part(payload, _DELETION):
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
        if asked := part(payload, _DELETION):
            return [InboundErasure(name_of(asked, "user_id"))]
        found: list[Inbound] = []
        for item in self.items(payload):
            found += self.read(item)
        return found

    def acknowledge(self, payload: Row) -> dict[str, Any]:
        asked = part(payload, _DELETION)
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

    async def call(
        self,
        method: str,
        path: str,
        body: Row | None = None,
        *,
        repeatable: bool | None = None,
        **params: str,
    ) -> Row:
        """The answer of the Graph API; raises `ProviderError`."""
        base = settings.META_GRAPH_BASE_URL or self.host
        may_repeat = method == "GET" if repeatable is None else repeatable
        response = await http.request(
            method,
            f"{base.rstrip('/')}/{settings.META_GRAPH_VERSION}/{path}",
            provider=self.key,
            trusted=True,
            headers={
                "Authorization": f"Bearer {self.channel.credentials['access_token']}"
            },
            repeatable=may_repeat,
            params=params or None,
            json=body,
            check=False,
        )
        said = _body(response)
        if response.status_code < 300 and said:
            return said
        if response.status_code < 300:
            kind = TemporaryProviderError if may_repeat else UncertainProviderError
            raise kind("Something else answered than Meta.", provider=self.key)
        raise self._error(response, part(said, "error"), repeatable=may_repeat)

    def _error(
        self, response: httpx2.Response, said: Row, *, repeatable: bool
    ) -> ProviderError:
        """The error that a refusal stands for, in Meta's words."""
        codes = [said.get("error_subcode"), said.get("code")]
        kind = next((_ERRORS[each] for each in codes if each in _ERRORS), None)
        plain = http.error_from_response(
            response, provider=self.key, repeatable=repeatable
        )
        text = words(said, "message") or str(plain)
        if kind is None and isinstance(plain, PermanentProviderError):
            kind = PermanentProviderError
        wait = plain.retry_after
        if wait is None and _PAIR_LIMIT in codes:
            wait = 6.0
        return (kind or type(plain))(
            text, provider=self.key, status=plain.status, retry_after=wait
        )

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


def _deletion_of(body: bytes) -> tuple[str, bytes]:
    """The signature of a person's request to be forgotten, in hex, and what it signs."""
    try:
        form = parse_qs(body.decode("ascii"))
    except ValueError as exc:
        raise InvalidPayload("The request is not a form.") from exc
    signature, _dot, signed = form.get(_DELETION, [""])[0].partition(".")
    return _unpacked(signature.encode()).hex(), signed.encode()


def _unpacked(text: bytes) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except (ValueError, binascii.Error) as exc:
        raise InvalidPayload("The request is not signed as Meta does.") from exc


def _body(response: httpx2.Response) -> Row:
    try:
        said = http.json_of(response, provider="meta")
    except TemporaryProviderError:
        return {}
    return said if isinstance(said, dict) else {}
