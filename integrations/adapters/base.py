"""The contract of an adapter: verify, parse, send, and a few facts."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from django.utils import timezone

from core import http
from core.exceptions import InvalidPayload, InvalidSignature
from core.text import split_text
from integrations.adapters.inbound import InboundTurnover

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from integrations.adapters.inbound import Attachment, Inbound, Turnover


_NOWHERE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """What an adapter knows of the channel it speaks for."""

    id: int
    uuid: str
    account_id: int
    provider: str
    key: str
    credentials: Mapping[str, str]
    is_active: bool = True
    #: Why the provider refuses us; empty: it does not, as far as we know.
    error: str = ""
    #: What the owner chose at setup; see the adapter.
    settings: Mapping[str, Any] = field(default_factory=dict)
    allowed_origins: tuple[str, ...] = ()
    rate_limit: str = ""
    #: Contacts prove an e-mail address before they are answered.
    verifies_email: bool = False


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A request as it arrived."""

    #: Names in lower case.
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    #: It came to the channel's own, unguessable address and not to a known one.
    is_addressed: bool = True
    #: Where it comes from, as far as we know.
    address: str = ""
    #: What stood behind the channel's own address; a secret.
    path_token: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """Who a contact is, as the provider tells by a further call."""

    name: str = ""
    #: As a code; empty: it does not say.
    lang: str = ""
    #: The bytes of a picture; whose they are is not trusted.
    picture: bytes = b""


@dataclass(frozen=True, slots=True)
class Outbound:
    """One thing to send."""

    #: A `note` is only for staff, and only goes where the adapter `has_notes`; a
    #: `template` says a person's words after the window has closed.
    kind: Literal["text", "template", "note", "hand_off", "hand_back"]
    #: Ours, the same for every attempt; the provider gets it where it keeps one.
    reference: str
    address: Mapping[str, Any]
    text: str
    #: On a handoff what staff should know: `reason` as a code and `reason_text` in
    #: words, `summary` (the contact's last words), `sources` (titles, best first) and
    #: `link` (our desk; may be empty).
    context: Mapping[str, Any] = field(default_factory=dict)
    #: A person wrote it.
    is_by_person: bool = False
    #: What the contact may answer with one press, in their language.
    choices: tuple[str, ...] = ()
    #: The contact may rate it with one press.
    is_rateable: bool = False
    #: People reply in this thread from now on.
    hands_off: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a connection needs, and whether it is there."""

    #: What was looked at, and what was found, in words.
    name: str
    is_ok: bool
    detail: str = ""
    #: How to mend it.
    hint: str = ""


@dataclass(frozen=True, slots=True)
class CredentialField:
    """One thing an owner enters to connect a channel."""

    name: str
    label: str
    is_secret: bool = True
    is_required: bool = True
    #: We make it or learn it; nobody enters one.
    is_generated: bool = False
    #: The owner enters it over there, so the setup page shows it.
    is_told: bool = False
    #: Two channels cannot share it.
    is_unique: bool = False


def require_secret(given: str, known: str) -> None:
    """Raise `InvalidSignature` unless it is one of these, separated by commas.

    Several allow rotation.
    """
    secrets = [each.strip().encode() for each in known.split(",") if each.strip()]
    matches = [hmac.compare_digest(given.encode(), each) for each in secrets]
    if not any(matches):
        raise InvalidSignature("The secret is missing or wrong.")


def json_object(body: bytes) -> dict[str, Any]:
    """The object that JSON says; raises `InvalidPayload`."""
    try:
        payload = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as exc:
        raise InvalidPayload("The body is not JSON.") from exc
    if not isinstance(payload, dict):
        raise InvalidPayload("The body is not a JSON object.")
    return payload


class Adapter:
    """Speaks one provider's language, for one channel. Keeps no state."""

    key: ClassVar[str]
    label: ClassVar[str]
    #: Longest text of one message, as `measure` counts.
    max_length: ClassVar[int] = 4000
    #: Buttons can stand under a message.
    has_buttons: ClassVar[bool] = False
    credential_fields: ClassVar[tuple[CredentialField, ...]] = ()
    #: The contact reads replies from us, so there is nothing to send.
    is_pulled: ClassVar[bool] = False
    #: The contact's page shows an answer while it is written.
    is_watched: ClassVar[bool] = False
    #: Events come to the inbox.
    takes_webhooks: ClassVar[bool] = True
    #: The provider tries the address of the inbox with GET, and `greet` answers.
    is_greeted: ClassVar[bool] = False
    #: `connect` tells the provider where to send its events.
    connects: ClassVar[bool] = False
    #: The provider is told when the right to reply changes hands.
    announces_handoff: ClassVar[bool] = False
    #: The provider keeps notes that only staff see.
    has_notes: ClassVar[bool] = False
    #: `about` may tell something.
    tells_about: ClassVar[bool] = False
    #: `who_replies` or `look` can tell whose a thread is.
    can_ask: ClassVar[bool] = False
    #: `missed` can tell what the provider holds.
    can_list: ClassVar[bool] = False
    #: `profile` can tell who a contact is.
    has_profiles: ClassVar[bool] = False

    def __init__(self, channel: ChannelFacts) -> None:
        self.channel = channel

    @classmethod
    def account_of(cls, request: WebhookRequest) -> str:
        """Which account of the provider a call to the common address says it is of."""
        return ""

    def verify(self, request: WebhookRequest) -> None:
        """Raise `InvalidSignature` unless the provider sent this for our channel."""
        raise NotImplementedError

    def decode(self, body: bytes) -> dict[str, Any]:
        """The body as an object; raises `InvalidPayload`."""
        return json_object(body)

    def delivery_key(self, request: WebhookRequest, payload: dict[str, Any]) -> str:
        """A name that is the same for each redelivery; empty: nothing for us.

        Raises `InvalidPayload` when the body is not what the provider sends.
        """
        return hashlib.sha256(request.body).hexdigest()

    def stranger(self, payload: dict[str, Any]) -> str:
        """Whose calls are to be counted; empty: the provider vouches for its own."""
        return ""

    def parse(self, payload: dict[str, Any]) -> list[Inbound]:
        """What happened, in our values; empty when it is nothing to us."""
        raise NotImplementedError

    def acknowledge(self, payload: dict[str, Any]) -> dict[str, Any] | None:
        """The body of the 200 that the provider gets; None: it stays empty."""
        return {"status": "ok"}

    def greet(self, query: Mapping[str, str]) -> str:
        """What a provider that tries the address with GET wants to read.

        Raises `InvalidSignature` unless it is the provider.
        """
        raise NotImplementedError

    async def answer_back(self, payload: dict[str, Any]) -> None:
        """Tell the provider what it wants to hear of an event, beside the 200."""

    def wants_answer(self, payload: dict[str, Any]) -> bool:
        """Whether there is something to tell in `answer_back`."""
        return False

    def longest(self, address: Mapping[str, Any]) -> int:
        """The longest text of one message in this thread, as `measure` counts."""
        return self.max_length

    def thread_url(self, address: Mapping[str, Any]) -> str:
        """Where staff see a thread in the provider's own app; empty: nowhere."""
        return ""

    async def set_attributes(
        self, address: Mapping[str, Any], values: Mapping[str, Any]
    ) -> None:
        """Keep values on a thread for people to see, beside those that are there.

        Nothing where the provider has no place for them; raises `ProviderError`.
        """

    def split(self, text: str, address: Mapping[str, Any] = _NOWHERE) -> list[str]:
        """The text in parts that the provider takes; nothing is lost."""
        return split_text(text, self.longest(address), self.measure)

    def measure(self, text: str) -> int:
        """How long the provider thinks a text is; no character counts for nothing."""
        return len(text)

    def is_late(self, address: Mapping[str, Any]) -> bool:
        """Whether the provider lets nobody reply in this thread any more."""
        return False

    def template_text(self, text: str, name: str) -> str:
        """What a contact of this name reads when a person's words leave as a template.

        Empty where the owner chose none; raises `InvalidPayload` for what is too long.
        """
        return ""

    def pace_s(self, address: Mapping[str, Any]) -> float:
        """Seconds to wait in one thread before the next part leaves."""
        return 0.0

    def prepare(self) -> dict[str, str]:
        """Credentials that we make ourselves, before `connect` tells them."""
        return {}

    async def connect(self, url: str) -> dict[str, str]:
        """Have events sent to this address; returns what was learned as credentials.

        May be called again. Raises `ProviderError`.
        """
        return {}

    async def renew(self) -> dict[str, str]:
        """Credentials that were renewed because their end is near; mostly none."""
        return {}

    async def is_connected(self, url: str) -> bool:
        """Whether events are still sent to this address; raises `ProviderError`."""
        return True

    async def send(self, outbound: Outbound) -> str:
        """Send it and return the provider's id; raises `ProviderError`."""
        raise NotImplementedError

    def can_look(self) -> bool:
        """Whether `find_sent` can tell what arrived."""
        return False

    async def find_sent(self, outbound: Outbound) -> str | None:
        """The provider's id of this, if an earlier attempt arrived after all."""
        raise NotImplementedError

    async def who_replies(self, address: Mapping[str, Any]) -> Turnover | None:
        """Whose the thread is now, as the provider says; None: it does not say."""
        return None

    async def look(self, thread: str, address: Mapping[str, Any]) -> list[Inbound]:
        """Whose a thread is now, and what people said in it last where that is known.

        Asked before the assistant's words leave, and when news may be late; raises
        `ProviderError`.
        """
        read_at = timezone.now()
        holder = await self.who_replies(address)
        return [InboundTurnover(thread, holder, read_at=read_at)] if holder else []

    async def about(self, address: Mapping[str, Any]) -> dict[str, str]:
        """What the provider knows of the contact and the owner lets the model read.

        By its name; nothing unless the owner has allowed it. Raises `ProviderError`.
        """
        return {}

    async def show_typing(self, address: Mapping[str, Any]) -> None:
        """Show the contact for some seconds that an answer is being written."""

    async def fetch(self, attachment: Attachment, *, most: int) -> bytes:
        """The bytes of what came with a message; raises `ProviderError`.

        `most` is the largest size that the caller wants to hold.
        """
        response = await http.request(
            "GET",
            attachment.url,
            provider=self.key,
            trusted=self.vouches_for(attachment.url),
            max_bytes=most,
            max_redirects=3,
        )
        return response.content

    def vouches_for(self, url: str) -> bool:
        """Whether the operator named the host of this address, wherever it is."""
        return False

    async def profile(self, contact: str, *, most: int) -> Profile:
        """Who this contact is; raises `ProviderError`.

        `most` is the largest size of a picture that the caller wants to hold.
        """
        raise NotImplementedError

    async def missed(self, since: dt.datetime) -> list[Inbound]:
        """What was said and done since then, and may not have been told us.

        In order; what is known already is recognised by whoever takes it in.
        """
        return []

    async def check(self) -> list[Check]:
        """Look at what this connection needs; says so instead of raising."""
        return []
