"""The contract of a desk: create, find, read, note, and a few facts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from integrations.adapters.base import CredentialField

Status = Literal["open", "pending", "solved", "closed", "gone"]


@dataclass(frozen=True, slots=True)
class DeskFacts:
    """What an adapter knows of the desk it speaks for."""

    id: int
    uuid: str
    account_id: int
    provider: str
    credentials: Mapping[str, str]
    #: What the owner chose at setup; each adapter says what it keeps there.
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TicketDraft:
    """A ticket as we want it."""

    #: Ours, the same for every attempt; the desk gets it where it keeps one.
    reference: UUID
    subject: str
    #: Everything in it that a person or a model wrote is escaped.
    html: str
    requester_name: str
    #: Only an address that is known to be the requester's; empty: nobody's.
    requester_email: str
    #: Before the first attempt: nothing older can be this ticket.
    started_at: dt.datetime
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket that the desk has made."""

    #: What people call it by, as in "ticket 42".
    external_id: str
    #: Where staff see it.
    url: str


@dataclass(frozen=True, slots=True)
class TicketReply:
    """Something that staff told the customer on the desk."""

    external_id: str
    text: str
    author_name: str
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class TicketNews:
    """How a ticket stands."""

    external_id: str
    #: `gone`: deleted, in the bin or spam; it is never asked for again.
    status: Status
    #: Oldest first.
    replies: tuple[TicketReply, ...] = ()
    #: What settled it, in the words of staff; empty until it is solved.
    solution: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file beside a note."""

    name: str
    content: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of the desk's own form for tickets."""

    name: str
    label: str
    kind: Literal["text", "number", "boolean", "date", "choice"] = "text"
    #: The desk refuses a ticket without it.
    is_required: bool = False
    #: Value and label of each; for `choice`.
    choices: tuple[tuple[str | int, str], ...] = ()
    #: It is free text of the account's own, so our reference may stand in it.
    can_hold_reference: bool = False


class DeskAdapter:
    """Speaks one help desk's language, for one desk. Keeps no state.

    Every verb raises `ProviderError`: permanent in the desk's own words, temporary when
    nothing was done, uncertain when the desk may have acted on it.
    """

    key: ClassVar[str]
    label: ClassVar[str]
    credential_fields: ClassVar[tuple[CredentialField, ...]] = ()

    def __init__(self, desk: DeskFacts) -> None:
        self.desk = desk

    async def check(self) -> str:
        """Who we are on the desk; raises what is wrong, fit to be shown."""
        raise NotImplementedError

    async def form(self) -> tuple[FormField, ...]:
        """The fields for which the owner may or must set a value."""
        raise NotImplementedError

    async def create(self, draft: TicketDraft) -> Ticket:
        """Make a ticket; after an `UncertainProviderError` look before repeating."""
        raise NotImplementedError

    async def find(self, draft: TicketDraft) -> Ticket | None:
        """The ticket of this draft, if an earlier attempt made one after all."""
        raise NotImplementedError

    async def read(self, external_id: str) -> TicketNews:
        """How a ticket stands; one that is gone is news, not an error."""
        raise NotImplementedError

    async def note(
        self, external_id: str, html: str, files: Sequence[Attachment] = ()
    ) -> None:
        """Add words and files for staff, which the customer does not see."""
        raise NotImplementedError

    async def has_note(self, external_id: str, mark: str) -> bool:
        """Whether a note that bears this mark is on the ticket."""
        raise NotImplementedError

    async def changed_since(self, at: dt.datetime) -> set[str]:
        """The ids of tickets that changed, ours and others."""
        raise NotImplementedError

    def hinted_ticket(self, body: bytes) -> str:
        """The id in the body of a webhook; raises `InvalidPayload` without one."""
        raise NotImplementedError
