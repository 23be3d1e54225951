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

from conversations import delivery
from conversations.models import Conversation, Delivery, Message
from core import work

if TYPE_CHECKING:
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
    ends = {
        status.SUPPORT_ACTIVE: Message.State.HANDED_OVER,
        status.CLOSED: Message.State.IGNORED,
    }
    count = 0
    for owner, state in ends.items():
        rows = Message.objects.for_account(account).filter(
            state=Message.State.WAITING,
            author=Message.Author.CONTACT,
            conversation__status=owner,
        )
        keys = list(rows.values_list("pk", flat=True)[:MOST])
        count += Message.objects.filter(
            pk__in=keys, state=Message.State.WAITING
        ).update(state=state, reason="reconciled")
    return count


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
    delivery.settle_messages(keys)
    return len(keys)
