"""What becomes of a conversation's escalations when people act in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from conversations import live
from conversations.models import Conversation
from escalation.failures import lock
from escalation.models import Escalation, IncomingMail, Ticket

if TYPE_CHECKING:
    from accounts.models import User


def heed_turnover(conversation: Conversation) -> None:
    """Somebody took over, or closed it; the caller holds the conversation's lock."""
    status = Conversation.Status
    if conversation.status == status.CLOSED:
        _settle(conversation, Escalation.State.CLOSED)
    elif conversation.status == status.SUPPORT_ACTIVE and not conversation.needs_person:
        acknowledge(conversation, conversation.assigned_to)


def heed_reply(conversation: Conversation, user: User | None) -> None:
    """A person has replied; the caller holds the conversation's lock."""
    acknowledge(conversation, user)
    _settle(conversation, Escalation.State.ANSWERED)


def heed_words(key: int) -> None:
    """The contact has written to the ticket of an escalation, which was done with.

    The caller holds the conversation's lock. People hear of it as at the beginning,
    unless somebody has the conversation.
    """
    state = Escalation.State
    row = Escalation.objects.select_related("conversation").get(pk=key)
    if row.state in (state.ANSWERED, state.CLOSED):
        if row.conversation.assigned_to_id is None:
            row.acknowledged_at = row.acknowledged_by = None
            row.rung = 0
        row.call_people(state.TICKET)
        row.save()


def heed_asking_again(questions: list[int]) -> None:
    """The assistant tries again; the caller holds the conversation's lock.

    Nobody is called meanwhile. What has a ticket keeps it: a person was promised.
    """
    state = Escalation.State
    Escalation.objects.filter(
        question_id__in=questions,
        state__in=[state.OFFERED, state.OPEN, state.ACKNOWLEDGED],
    ).update(state=state.CLOSED, due_at=None)


def decline(conversation: Conversation) -> None:
    """The contact wants nobody; the caller holds the conversation's lock."""
    rows = Escalation.objects.filter(conversation=conversation)
    rows.filter(state=Escalation.State.OFFERED).update(
        state=Escalation.State.DECLINED, due_at=None
    )
    if conversation.status == Conversation.Status.ACTIVE:
        Conversation.objects.filter(pk=conversation.pk).update(needs_person=False)


def acknowledge(
    conversation: Conversation, user: User | None, *, with_offers: bool = True
) -> int:
    """A person takes care of what nobody has taken; returns how many those were.

    The caller holds the conversation's lock.
    """
    state = Escalation.State
    rows = Escalation.objects.filter(
        conversation=conversation, acknowledged_at__isnull=True
    ).exclude(state=state.DECLINED)
    if not with_offers:
        rows = rows.exclude(state=state.OFFERED)
    now = timezone.now()
    untaken = Q(state__in=[state.OFFERED, state.OPEN])
    return rows.update(
        state=Case(When(untaken, then=Value(state.ACKNOWLEDGED)), default=F("state")),
        opened_at=Coalesce("opened_at", now),
        acknowledged_at=now,
        acknowledged_by=user,
        due_at=None,
    )


@transaction.atomic
def take(*, conversation: Conversation, user: User) -> None:
    """Somebody says that they take care of what is open in a conversation."""
    rows = Escalation.objects.filter(
        conversation=conversation, acknowledged_at__isnull=True
    )
    if rows.exclude(state=Escalation.State.OFFERED).exists():
        row = lock(conversation.pk)
        if acknowledge(row, user, with_offers=False):
            live.mark_changed(row)


def unfinished(conversations: set[int]) -> set[int]:
    """Those of the conversations in which a person is still needed."""
    state = Escalation.State
    rows = Escalation.objects.pending().exclude(state=state.OFFERED)
    found = rows.filter(conversation__in=conversations)
    return set(found.values_list("conversation_id", flat=True))


def anonymise(conversations: list[int]) -> None:
    """Take away who was told to be the person."""
    rows = Escalation.objects.filter(conversation__in=conversations)
    rows.update(agent_id="", name="", email="", agency="", office="")
    tickets = Ticket.objects.filter(escalation__in=rows)
    IncomingMail.objects.filter(ticket__in=tickets).delete()
    tickets.update(email="", history=[])


def _settle(conversation: Conversation, state: Escalation.State) -> None:
    rows = Escalation.objects.filter(conversation=conversation)
    rows.pending().update(state=state, due_at=None)
