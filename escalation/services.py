"""What contacts decide about an offered person or ticket, and staff about a ticket."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from conversations import live
from core import store, work
from core.exceptions import Conflict
from escalation import handling, letters
from escalation.failures import lock
from escalation.models import Escalation, Ticket
from escalation.tickets import TicketStep
from integrations import errands
from integrations.models import Desk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.models import Conversation


#: How long a desk may take to get a ticket before people are told.
DESK_GRACE = dt.timedelta(minutes=10)


class HasTicket(Conflict):
    """There is a ticket already."""

    code = "has_ticket"


@transaction.atomic
def create_ticket(
    *, escalation: Escalation, history: Sequence[dict[str, Any]] = ()
) -> Ticket:
    """The one ticket of an escalation; a desk gets it in the background.

    Whoever declined before may change their mind.
    """
    conversation = lock(escalation.conversation_id)
    known = Ticket.objects.filter(escalation=escalation).first()
    if known is not None:
        return known
    escalation.refresh_from_db()
    desks = Desk.objects.for_account(escalation.account).active().order_by("pk")
    desk = desks.first()
    ticket = Ticket.objects.create(
        account_id=escalation.account_id,
        escalation=escalation,
        number=_next_number(escalation.account_id),
        email=_own_address(escalation, conversation),
        history=list(history),
        desk=desk,
        state=Ticket.State.WAITING if desk else Ticket.State.DONE,
    )
    letters.confirm(ticket)
    # A desk tells its staff itself; ours are told if it does not get the ticket.
    at = timezone.now() + DESK_GRACE if desk else None
    escalation.call_people(Escalation.State.TICKET, at=at)
    escalation.save(update_fields=["state", "opened_at", "due_at"])
    conversation.needs_person = True
    conversation.save(update_fields=["needs_person"])
    live.mark_changed(conversation)
    transaction.on_commit(lambda: work.wake(TicketStep.name))
    return ticket


@transaction.atomic
def tell(*, ticket: Ticket) -> Ticket:
    """Settle what the customer calls the ticket; the first word stands."""
    lock(ticket.escalation.conversation_id)
    ticket.refresh_from_db()
    if not ticket.told:
        ticket.told = ticket.label
        ticket.save(update_fields=["told"])
    letters.release(ticket)
    return ticket


@transaction.atomic
def decline(*, escalation: Escalation) -> Escalation:
    """The contact wants no ticket; raises `HasTicket` where there is one.

    What a person has taken or answered already stays as it is.
    """
    conversation = lock(escalation.conversation_id)
    if Ticket.objects.filter(escalation=escalation).exists():
        raise HasTicket(gettext("A ticket was created; it cannot be declined."))
    escalation.refresh_from_db()
    if escalation.state == Escalation.State.OFFERED:
        handling.decline(conversation)
        live.mark_changed(conversation)
        escalation.refresh_from_db()
    return escalation


@transaction.atomic
def send_ticket_again(*, ticket: Ticket) -> Ticket:
    """Have a ticket that its desk refused made once more; raises `Conflict`."""
    conversation = lock(ticket.escalation.conversation_id)
    rows = Ticket.objects.filter(pk=ticket.pk)
    if not errands.send_again(rows, TicketStep.name):
        raise Conflict(gettext("Only a ticket that has failed can be sent again."))
    live.mark_changed(conversation)
    ticket.refresh_from_db()
    return ticket


def _own_address(escalation: Escalation, conversation: Conversation) -> str:
    """Where the contact is written to about this conversation.

    The address with which the contact first came. Another one that is told later may be
    somebody else's, who knows no more than the session's id.
    """
    return conversation.contact.email or escalation.email


def _next_number(account_id: int) -> int:
    rows = store.fetch(
        "INSERT INTO escalation_numbering AS n (account_id, last) VALUES (%s, 1)"
        " ON CONFLICT (account_id) DO UPDATE SET last = n.last + 1 RETURNING last",
        [account_id],
    )
    return int(rows[0]["last"])
