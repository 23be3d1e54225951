"""Open: an escalation for each question that the assistant settled without an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conversations.models import Message
from escalation import handling, rules
from escalation.models import Escalation
from escalation.reasons import Reason, reason_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.models import Conversation
    from conversations.replies import Reply, Settled


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
    new: list[Escalation] = []
    for reply, conversation, message_id in settled:
        row = known.get(reply.last_message_id) or Escalation(
            account_id=conversation.account_id,
            conversation=conversation,
            question_id=reply.last_message_id,
            state=Escalation.State.OFFERED,
            agent_type=conversation.address.get("agent_type", ""),
        )
        _tell(row, reply, message_id)
        if row.pk is None:
            new.append(row)
        else:
            row.save()
    Escalation.objects.bulk_create(new)


def _tell(row: Escalation, reply: Reply, message_id: int | None) -> None:
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
    elif rules.tells_of_offers(row):
        row.tell_people()
