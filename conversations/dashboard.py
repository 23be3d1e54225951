"""What dashboards are told: how conversations stand, and what was said by whom.

Live events are hints; this reads what changed since a number and puts it into words. So
what is live and what was missed come the same way. Nothing here holds what was said.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict

from django.db.models import Exists, OuterRef, Q

from accounts.models import Account
from conversations.models import Conversation, Delivery, Message

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

#: Version of the events' shape.
VERSION: Final = 1
#: Conversations of one account that are told of in one go; of more nothing is told.
MOST: Final = 200
#: Why the assistant could not answer although it should have.
FAILURES: Final = frozenset(
    {"timeout", "provider_error", "provider_blocked", "provider_empty", "error"}
)


class StatusEvent(TypedDict):
    """How a conversation stands now."""

    v: int
    type: Literal["conversation.status"]
    account: str
    seq: int
    conversation: str
    channel: str
    #: Of the last words; null: there are none.
    at: str | None
    status: str
    #: Why it is so.
    reason: str
    needs_person: bool
    epoch: int


class MessageEvent(TypedDict):
    """Something was said, or did not arrive."""

    v: int
    type: Literal[
        "message.received", "message.sent", "answer.sent", "answer.failed",
        "answer.withheld", "delivery.failed",
    ]  # fmt: skip
    account: str
    seq: int
    conversation: str
    channel: str
    at: str
    message: str
    author: str
    state: str
    reason: str
    #: Of answers from the knowledge only.
    confidence: float | None
    #: From the first waiting word to this reply, in milliseconds.
    latency_ms: int | None


Event = StatusEvent | MessageEvent


@dataclass(frozen=True, slots=True)
class News:
    """What happened since, in the order of its numbers."""

    events: list[Event]
    #: By account, up to where everything is told now.
    after: dict[int, int]
    #: Accounts in which too much has happened to be told.
    skipped: list[int]


def newest(accounts: frozenset[int]) -> dict[int, int]:
    """The number of the last change of each account."""
    rows = Account.objects.filter(pk__in=accounts)
    return dict(rows.values_list("pk", "event_seq"))


def names(accounts: frozenset[int]) -> dict[int, str]:
    """What accounts are called on the wire."""
    rows = Account.objects.filter(pk__in=accounts).values_list("pk", "uuid")
    return {key: str(name) for key, name in rows}


def read(after: Mapping[int, int], called: Mapping[int, str]) -> News:
    """What happened in these accounts since these numbers."""
    # First the numbers, then the rows: all that has these numbers is among them.
    now = newest(frozenset(after))
    behind = {key: after[key] for key in now if now[key] > after[key]}
    reached = {**after}
    skipped: list[int] = []
    events: list[Event] = []
    for key, since in behind.items():
        rows = _changed(key, since)
        reached[key] = now[key]
        if len(rows) > MOST:
            skipped.append(key)
            continue
        events += _events(called[key], rows, since)
        reached[key] = max(now[key], *(row.seq for row in rows), 0)
    return News(sorted(events, key=_number), reached, skipped)


def _number(event: Event) -> int:
    return event["seq"]


def _changed(account: int, since: int) -> list[Conversation]:
    rows = Conversation.objects.filter(account_id=account, seq__gt=since)
    rows = rows.select_related("channel").order_by("seq")
    return list(rows[: MOST + 1])


def _events(account: str, rows: list[Conversation], since: int) -> list[Event]:
    said = _said(rows, since)
    events: list[Event] = []
    for row in rows:
        events += [_message(account, row, each) for each in said[row.pk]]
        events.append(_status(account, row))
    return events


def _said(rows: list[Conversation], since: int) -> dict[int, list[Any]]:
    """By conversation the messages with a number that is new."""
    lost = Delivery.objects.filter(
        message=OuterRef("pk"),
        state__in=[Delivery.State.FAILED, Delivery.State.UNCERTAIN],
    )
    newer = Q(conversation__in=[row.pk for row in rows], seq__gt=since)
    found: dict[int, list[Any]] = defaultdict(list)
    until = {row.pk: row.seq for row in rows}
    messages = Message.objects.filter(newer).annotate(is_lost=Exists(lost))
    for each in messages.order_by("seq", "pk").defer("text", "sources", "preamble"):
        if each.seq <= until[each.conversation_id]:
            found[each.conversation_id].append(each)
    return found


def _status(account: str, row: Conversation) -> StatusEvent:
    return StatusEvent(
        v=VERSION,
        type="conversation.status",
        account=account,
        seq=row.seq,
        conversation=str(row.uuid),
        channel=str(row.channel.uuid),
        at=_time(row.last_message_at) if row.last_message_at else None,
        status=row.status,
        reason=row.status_reason,
        needs_person=row.needs_person,
        epoch=row.epoch,
    )


def _message(account: str, row: Conversation, message: Any) -> MessageEvent:
    return MessageEvent(
        v=VERSION,
        type=_type(message),
        account=account,
        seq=message.seq,
        conversation=str(row.uuid),
        channel=str(row.channel.uuid),
        at=_time(message.created_at),
        message=str(message.uuid),
        author=message.author,
        state=message.state,
        reason=message.reason,
        confidence=message.confidence,
        latency_ms=message.latency_ms,
    )


def _type(message: Any) -> Any:
    if message.is_lost:
        return "delivery.failed"
    if message.author == Message.Author.CONTACT:
        return "message.received"
    if message.author != Message.Author.ASSISTANT:
        return "message.sent"
    if message.state == Message.State.WITHHELD:
        return "answer.withheld"
    return "answer.failed" if message.reason in FAILURES else "answer.sent"


def _time(at: dt.datetime) -> str:
    return at.isoformat(timespec="milliseconds")
