"""Finds what should not be: words that nobody will answer, replies without an end.

Nothing here is part of a message's way; it mends what an accident or a bug has left.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from conversations import delivery, live, outcomes, replies
from conversations.models import Conversation, Delivery, Message
from conversations.signals import questions_unanswered
from core import store, work

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from accounts.models import Account

#: Seconds after which work that is due should have been taken up.
LATE_S = 60.0
#: Rows of one kind that are mended in one go.
MOST = 500


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was found, and what became of it."""

    #: Conversations whose waiting words were due for nobody; due again now.
    forgotten: int
    #: Conversations that are due and not taken up; only woken.
    late: int
    #: Messages that wait where the assistant does not reply; settled.
    stranded: int
    #: Replies on their way of which no part is left to send; settled.
    unfinished: int


@transaction.atomic
def reconcile(account: Account) -> Reconciled:
    """Mend what can be mended in an account, and wake the steps that do the rest."""
    found = Reconciled(
        forgotten=_remember(account),
        late=_late(account),
        stranded=_settle_stranded(account),
        unfinished=_finish_replies(account),
    )
    if found.forgotten or found.late:
        transaction.on_commit(lambda: work.wake("turns"))
    return found


def _remember(account: Account) -> int:
    """Make words due that wait for the assistant and that no turn would find."""
    waiting = Message.objects.filter(
        conversation=OuterRef("pk"), state=Message.State.WAITING
    )
    now = timezone.now()
    rows = Conversation.objects.for_account(account).filter(
        Exists(waiting),
        status=Conversation.Status.ACTIVE,
        due_at=None,
        worker=None,
    )
    keys = list(rows.values_list("pk", flat=True)[:MOST])
    # A turn that has ended meanwhile leaves a claim for nothing, which gives itself back.
    return Conversation.objects.filter(pk__in=keys, due_at=None, worker=None).update(
        due_at=now, waiting_since=now
    )


def _late(account: Account) -> int:
    since = timezone.now() - dt.timedelta(seconds=LATE_S)
    rows = Conversation.objects.for_account(account)
    return rows.filter(due_at__lt=since, worker=None).count()


def _settle_stranded(account: Account) -> int:
    """Give words an end that wait where people reply, or nobody does."""
    status = Conversation.Status
    waiting = Message.objects.for_account(account).filter(
        state=Message.State.WAITING, author=Message.Author.CONTACT
    )
    ignored = waiting.filter(conversation__status=status.CLOSED)
    keys = list(ignored.values_list("pk", flat=True)[:MOST])
    count = waiting.filter(pk__in=keys).update(
        state=Message.State.IGNORED, reason="reconciled"
    )
    rows = Conversation.objects.for_account(account).filter(
        Exists(waiting.filter(conversation=OuterRef("pk"))),
        status=status.SUPPORT_ACTIVE,
    )
    if store.is_postgresql():
        rows = rows.select_for_update(of=("self",))
    for row in rows.order_by("pk")[:MOST]:
        count += _hand_over(row, waiting.filter(conversation=row))
    return count


def _hand_over(row: Conversation, waiting: QuerySet[Message]) -> int:
    """Call people to words that they were never told of. The conversation is locked."""
    keys = sorted(waiting.values_list("pk", flat=True))
    if not keys:
        return 0
    state, reason = Message.State.HANDED_OVER, "reconciled"
    waiting.filter(pk__in=keys).update(state=state, reason=reason)
    row.needs_person = True
    row.save(update_fields=["needs_person"])
    live.mark_changed(row)
    ending = replies.Reply(
        account_id=row.account_id,
        conversation_id=row.pk,
        worker=0,
        epoch=row.epoch,
        last_message_id=keys[-1],
        outcome=state,
        reason=reason,
        text="",
        needs_person=True,
    )
    settled: list[replies.Settled] = [(ending, row, None)]
    questions_unanswered.send(sender=Message, settled=settled)
    return len(keys)


def _finish_replies(account: Account) -> int:
    """Give replies the end that their parts have."""
    parts = Delivery.objects.filter(message=OuterRef("pk"))
    before = timezone.now() - dt.timedelta(seconds=LATE_S)
    rows = Message.objects.for_account(account).filter(
        Exists(parts),
        ~Exists(parts.filter(state__in=delivery.OPEN)),
        state=Message.State.SENDING,
        created_at__lt=before,
    )
    keys = list(rows.values_list("pk", flat=True)[:MOST])
    outcomes.settle_messages(keys)
    return len(keys)
