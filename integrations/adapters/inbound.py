"""What providers tell us, each in one shape: words, edits, ratings, reports, turnovers."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Attachment:
    """What came with a message beside its words. Its bytes stay with the provider."""

    kind: Literal["image", "voice", "video", "file"]
    #: Where it can be read; empty: only the adapter can fetch it.
    url: str = ""
    #: The provider's id of it.
    external_id: str = ""
    name: str = ""
    content_type: str = ""
    #: In bytes; 0: the provider does not say.
    size: int = 0


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """Somebody said something in a conversation of this channel."""

    #: The provider's ids of the thread, the contact and the message.
    conversation_id: str
    contact_id: str
    external_id: str
    text: str
    #: `support`: a member of staff wrote it in the provider's own app.
    author: Literal["contact", "support"] = "contact"
    contact_name: str = ""
    contact_email: str = ""
    profile: Mapping[str, Any] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    #: What `send` needs to reply in this thread.
    address: Mapping[str, Any] = field(default_factory=dict)
    #: A person has replied to it since, so the assistant has nothing to add.
    was_answered: bool = False
    #: The sender waits for the reply, so no more words will come before it.
    is_synchronous: bool = False
    #: Language that the provider tells of the contact, as a code.
    lang: str = ""
    #: Our own words may come back like this as well: then nobody has acted.
    is_echo: bool = False
    #: The same words may have come another way, with an id that begins like this: then
    #: they are one message.
    twin: str = ""
    #: Seconds for which they are waited for, because that way is the better one.
    twin_wait_s: float = 0.0
    #: What was known of how to reply, and `address` does not say, stays.
    adds_address: bool = False


class Turnover(enum.StrEnum):
    """How a thread changed hands on the provider's side."""

    TO_SUPPORT = "to_support"
    TO_ASSISTANT = "to_assistant"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class InboundTurnover:
    """The thread changed hands on the provider's side."""

    conversation_id: str
    turnover: Turnover
    #: When it was read at the provider. News that comes by itself may be late.
    read_at: dt.datetime | None = None
    #: Only a person can have done it, so it is no late echo of what we did.
    is_persons: bool = False
    #: Why, as a code, where there is more to say than that a person did it.
    reason: str = ""


@dataclass(frozen=True, slots=True)
class InboundEdit:
    """Somebody has changed what they had said."""

    conversation_id: str
    external_id: str
    text: str


@dataclass(frozen=True, slots=True)
class InboundDeletion:
    """Somebody has taken back what they had said: nothing of it is kept."""

    conversation_id: str
    external_id: str


@dataclass(frozen=True, slots=True)
class InboundRating:
    """The contact pressed a button under a reply."""

    conversation_id: str
    #: Of the `Outbound` that had the buttons.
    reference: str
    is_helpful: bool


@dataclass(frozen=True, slots=True)
class InboundReport:
    """What became of something that we sent."""

    conversation_id: str
    #: As `send` has returned it.
    external_id: str
    state: Literal["sent", "delivered", "read", "failed"]
    #: Why it failed, in the provider's words.
    error: str = ""
    #: It failed because the contact wrote too long ago.
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class InboundErasure:
    """A contact wants to be forgotten."""

    contact_id: str
    #: Of no conversation in particular.
    conversation_id: str = ""


Inbound = (
    InboundMessage
    | InboundTurnover
    | InboundEdit
    | InboundDeletion
    | InboundRating
    | InboundReport
    | InboundErasure
)
