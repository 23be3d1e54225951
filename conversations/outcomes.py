"""Outcomes: what became of attempts to deliver, and what that means for messages."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from conversations import live
from conversations.models import Conversation, Delivery
from conversations.signals import conversation_changed_hands
from core import store
from core.bundle import Bundle
from core.exceptions import (
    ConversationGone,
    PermanentProviderError,
    ProviderError,
    ReplyWindowClosed,
    UncertainProviderError,
)
from core.text import clean_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from conversations.delivery import Claimed

#: Attempts after which a part has failed for good.
MOST_ATTEMPTS = 6
#: Seconds after which a part is tried again, however long a provider asks us to wait.
LONGEST_PAUSE_S = 3600.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt."""

    id: int
    state: Delivery.State
    external_id: str = ""
    error: str = ""
    due_at: dt.datetime | None = None
    must_look: bool = False
    #: The thread is gone at the provider, so the conversation ends.
    is_gone: bool = False
    #: The provider lets nobody but a person reply any more.
    is_late: bool = False
    #: Seconds before the next part of this conversation may leave.
    pace_s: float = 0.0
    #: Who made it, and which attempt it was. What arrived counts whoever sent it, and
    #: anything else only as long as the part is still in that attempt.
    worker: int | None = None
    attempts: int = 1


def after_failure(claimed: Claimed, exc: ProviderError) -> Outcome:
    """What follows from an attempt that failed."""
    error = clean_text(str(exc))[:300]
    # An earlier attempt stays doubtful until somebody has looked. A server that broke
    # may have broken after it acted; where looking is possible, it costs one call.
    broke = (exc.status or 0) >= 500 and claimed.adapter.can_look()
    must_look = isinstance(exc, UncertainProviderError) or claimed.must_look or broke
    if isinstance(exc, PermanentProviderError) or claimed.attempts >= MOST_ATTEMPTS:
        return Outcome(
            claimed.id,
            Delivery.State.FAILED,
            error=error,
            must_look=must_look,
            is_gone=isinstance(exc, ConversationGone),
            is_late=isinstance(exc, ReplyWindowClosed),
        )
    pause = exc.retry_after
    if pause is None:
        pause = min(2.0**claimed.attempts, 300.0) * random.uniform(0.5, 1.0)  # noqa: S311
    return Outcome(
        claimed.id,
        Delivery.State.WAITING,
        error=error,
        due_at=timezone.now() + dt.timedelta(seconds=min(pause, LONGEST_PAUSE_S)),
        must_look=must_look,
    )


@transaction.atomic
def record(outcomes: Sequence[Outcome]) -> None:
    """Store what became of attempts, and what that means for their messages."""
    now = timezone.now()
    lost = (Delivery.State.FAILED, Delivery.State.UNCERTAIN)
    # Conversations are locked before anything else of theirs, and in order.
    failed = _lock_conversations([each.id for each in outcomes if each.state in lost])
    bundle = Bundle()
    bundle.update_from(
        "conversations_delivery",
        columns={
            "id": "bigint", "state": "text", "external_id": "text", "error": "text",
            "must_look": "boolean", "due_at": "timestamptz", "sent_at": "timestamptz",
            "worker": "bigint", "attempts": "bigint",
        },
        rows=[
            (
                each.id, each.state, each.external_id, each.error, each.must_look,
                each.due_at, now if each.state == Delivery.State.SENT else None,
                each.worker, each.attempts,
            )
            for each in outcomes
        ],
        assign=(
            "worker = NULL, state = v.state, external_id = v.external_id,"
            " error = v.error, must_look = v.must_look,"
            " due_at = COALESCE(v.due_at, t.due_at), sent_at = v.sent_at"
        ),
        where=(
            "t.id = v.id AND (v.state = 'sent'"
            " OR (t.worker = v.worker AND t.attempts = v.attempts))"
        ),
    )  # fmt: skip
    _pace([each for each in outcomes if each.pace_s], bundle)
    are_these, keys = store.any_of([each.id for each in outcomes])
    parts = bundle.fetch(
        "SELECT message_id, conversation_id, state FROM conversations_delivery"
        f" WHERE id {are_these}",
        keys,
    )
    bundle.execute(
        _settle(
            "IN (SELECT p.message_id FROM conversations_delivery p"
            f" WHERE p.id {are_these})"
        ),
        keys,
    )
    bundle.send()
    broken = [part for part in parts if part["state"] in lost]
    called = {part["conversation_id"] for part in broken}
    call_person(
        [row for row in failed if row.pk in called],
        [part["message_id"] for part in broken if part["message_id"]],
    )
    for row in _of(failed, [each.id for each in outcomes if each.is_gone]):
        if row.status != Conversation.Status.CLOSED:
            row.close("conversation_gone")
            _tell(row)
    give_up_late(_of(failed, [each.id for each in outcomes if each.is_late]))


def give_up_late(conversations: Iterable[Conversation]) -> None:
    """Give to people what the assistant may not reply to any more; they are locked."""
    for row in conversations:
        if row.status == Conversation.Status.ACTIVE:
            row.give_to_support("window_closed")
            _tell(row)


def _of(conversations: list[Conversation], parts: list[int]) -> list[Conversation]:
    """Those of the conversations that these parts belong to."""
    rows = Delivery.objects.filter(pk__in=parts)
    keys = set(rows.values_list("conversation_id", flat=True)) if parts else set()
    return [row for row in conversations if row.pk in keys]


def _tell(row: Conversation) -> None:
    """Number, save and announce that it changed hands."""
    row.seq = live.next_seq(row.account_id)
    row.save(update_fields=[*Conversation.TURNOVER_FIELDS, "seq"])
    conversation_changed_hands.send(sender=Conversation, conversation=row)
    live.announce([row])


def _pace(outcomes: Sequence[Outcome], bundle: Bundle) -> None:
    """Let the next part of each conversation rest, as its provider wants it."""
    now = timezone.now()
    bundle.update_from(
        "conversations_delivery",
        columns={"id": "bigint", "due_at": "timestamptz"},
        rows=[(each.id, now + dt.timedelta(seconds=each.pace_s)) for each in outcomes],
        assign="due_at = v.due_at",
        where=(
            "t.state = 'waiting' AND t.conversation_id = (SELECT conversation_id"
            " FROM conversations_delivery s WHERE s.id = v.id)"
            " AND t.due_at < v.due_at"
        ),
    )


def settle_messages(keys: list[int]) -> None:
    """A message is sent when all its parts are, failed when one of them is."""
    if keys:
        are_these, params = store.any_of(keys)
        store.execute(_settle(are_these), params)


def _settle(are_these: str) -> str:
    part = (
        "SELECT 1 FROM conversations_delivery d WHERE d.message_id = t.id AND d.state"
    )
    return (
        "UPDATE conversations_message AS t SET state = CASE"
        f" WHEN EXISTS ({part} IN ('failed', 'uncertain')) THEN 'failed'"
        f" WHEN EXISTS ({part} = 'withheld') THEN 'withheld'"
        " ELSE 'sent' END"
        f" WHERE t.id {are_these} AND t.author <> 'contact'"
        f" AND NOT EXISTS ({part} IN ('waiting', 'claimed', 'sending'))"
    )


def _lock_conversations(keys: list[int]) -> list[Conversation]:
    if not keys:
        return []
    rows = Conversation.objects.filter(
        pk__in=list(
            Delivery.objects.filter(pk__in=keys).values_list(
                "conversation_id", flat=True
            )
        )
    )
    if store.is_postgresql():
        rows = rows.select_for_update()
    return sorted(rows.order_by("id"), key=lambda row: row.account_id)


def call_person(conversations: list[Conversation], lost: list[int]) -> None:
    """Show on the desk that something did not arrive, and which messages that are."""
    for row in conversations:
        row.needs_person = True
        row.seq = live.next_seq(row.account_id)
        row.save(update_fields=["needs_person", "seq"])
        row.messages.filter(pk__in=lost).update(seq=row.seq)
        live.announce([row])
