"""Open: an escalation for each question that the assistant settled without an answer."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from django.db.models import Q
from django.utils import timezone

from conversations.models import Message
from escalation import handling, rules
from escalation.models import Escalation
from escalation.reasons import Reason, reason_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.models import Conversation
    from conversations.replies import Reply, Settled


#: How long people are not called again to a conversation in which everybody who writes
#: is told that the business is closed.
CALLED_ONCE_IN: Final = dt.timedelta(hours=12)


def open_undelivered(conversation: Conversation) -> None:
    """Open one for words that no longer reach the contact, where people reply for that.

    The caller holds the conversation's lock.
    """
    reason = reason_of(conversation.status_reason)
    if reason is not Reason.WINDOW_CLOSED or not conversation.needs_person:
        return
    newest = conversation.messages.order_by("-id")
    question = newest.filter(author=Message.Author.CONTACT).first()
    if question is None:
        return
    row = Escalation.objects.filter(question=question).first() or Escalation(
        account_id=conversation.account_id,
        conversation=conversation,
        question=question,
        agent_type=conversation.address.get("agent_type", ""),
    )
    row.reply = newest.filter(author=Message.Author.ASSISTANT).first()
    row.reason = reason
    row.rung = 0
    row.acknowledged_at = row.acknowledged_by = None
    row.call_people(Escalation.State.OPEN)
    row.save()


def open_unanswered(settled: Sequence[Settled]) -> None:
    """Open one for each; the caller holds the conversations' locks.

    One that a CRM has reported before the turn ended learns what the turn knows.
    """
    for _, conversation, _ in (each for each in settled if _is_declined(each)):
        handling.decline(conversation)
    _open([each for each in settled if not _is_declined(each)])


def _is_declined(settled: Settled) -> bool:
    return settled[0].reason == "declined"


def _open(settled: Sequence[Settled]) -> None:
    known = Escalation.objects.in_bulk(
        [reply.last_message_id for reply, _, _ in settled], field_name="question_id"
    )
    called = _called(settled)
    new: list[Escalation] = []
    for reply, conversation, message_id in settled:
        row = known.get(reply.last_message_id) or Escalation(
            account_id=conversation.account_id,
            conversation=conversation,
            question_id=reply.last_message_id,
            state=Escalation.State.OFFERED,
            agent_type=conversation.address.get("agent_type", ""),
        )
        _tell(row, reply, message_id, is_called=conversation.pk in called)
        if row.pk is None:
            new.append(row)
        else:
            row.save()
    Escalation.objects.bulk_create(new)


def _called(settled: Sequence[Settled]) -> set[int]:
    """Conversations to which people were called lately for the same reason.

    Only while the business is closed does the assistant go on in a conversation that
    waits for people. Whoever takes one of its escalations takes all of them.
    """
    keys = [
        conversation.pk
        for reply, conversation, _ in settled
        if reply.needs_person and not reply.hands_off
    ]
    if not keys:
        return set()
    state = Escalation.State
    rows = Escalation.objects.filter(
        # Those that were told of, or will be; not those that went along with one.
        Q(rung__gt=0) | Q(due_at__isnull=False),
        conversation__in=keys,
        acknowledged_at=None,
        state__in=[state.OPEN, state.TICKET],
        reason=Reason.OUTSIDE_HOURS,
        opened_at__gt=timezone.now() - CALLED_ONCE_IN,
    )
    return set(rows.values_list("conversation_id", flat=True))


def _tell(
    row: Escalation, reply: Reply, message_id: int | None, *, is_called: bool
) -> None:
    row.reply_id = message_id
    row.reason = reason_of(reply.reason) or Reason.ERROR
    row.confidence = reply.confidence
    if row.state == Escalation.State.CLOSED:
        # It was asked again, and needs a person again.
        row.state, row.rung = Escalation.State.OFFERED, 0
        row.acknowledged_at = row.acknowledged_by = None
    if row.state != Escalation.State.OFFERED:
        return
    # Nobody is called before the contact has accepted what was offered, but where staff
    # want to hear of it at once they do.
    if not reply.offers_person:
        row.call_people(Escalation.State.OPEN)
        if is_called:
            row.due_at = None
    elif rules.tells_of_offers(row):
        row.tell_people()
