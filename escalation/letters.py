"""What the customer is told about a ticket: the sentence, and e-mails, each sent once."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from core import mail, rates, work
from core.language import speaking
from escalation import drafts
from escalation.models import Letter, Ticket
from integrations.errands import ErrandStep

if TYPE_CHECKING:
    from conversations.models import Conversation, Message

#: Seconds after which a confirmation leaves although nobody has told the customer yet.
LATEST_S = 15.0
#: Confirmations that one address gets from an account.
MOST_CONFIRMED = (rates.Rate(10, 3600),)


@work.register
class LetterStep(ErrandStep):
    """Sends the e-mails that wait."""

    name: ClassVar[str] = "letters"
    model = Letter
    related = (
        "message__user",
        "ticket__account",
        "ticket__escalation__question",
        "ticket__escalation__conversation__contact",
    )

    async def attempt(self, row: Letter) -> dict[str, Any]:
        await mail.send(await self.loop.db(_compose, row))
        return {}


def sentence(ticket: Ticket) -> str:
    """The confirmation that the chat shows, in the customer's language."""
    told = {"name": _first_name(ticket), "number": ticket.label, "email": ticket.email}
    with speaking(_lang(ticket)):
        if names_address(ticket):
            text = gettext(
                "Hi %(name)s, I've created support ticket #%(number)s for you and emailed"
                " a copy to %(email)s for your reference. A support agent will reach out"
                " to you shortly with more details."
            )
        else:
            text = gettext(
                "Hi %(name)s, I've created support ticket #%(number)s for you. A support"
                " agent will reach out to you shortly with more details."
            )
        return text % told


def names_address(ticket: Ticket) -> bool:
    """Whether the customer gets an e-mail, at the address that they have told.

    An address that they did not tell is nobody's business but its owner's.
    """
    if not ticket.email or ticket.escalation.email.lower() not in (
        "",
        ticket.email.lower(),
    ):
        return False
    return _is_mailed_by_desk(ticket) or ticket.letters.filter(message=None).exists()


def confirm(ticket: Ticket) -> None:
    """Have a new ticket confirmed by e-mail, unless its desk does that itself.

    Strangers may make up people and their addresses, so one address gets only so many.
    """
    if not ticket.email or not _may_mail() or _is_mailed_by_desk(ticket):
        return
    name = f"{ticket.account_id}:{ticket.email.lower()}".encode()
    address = f"confirmed.{hashlib.sha256(name).hexdigest()[:32]}"
    if not rates.take([rates.Bucket(address, MOST_CONFIRMED)]):
        due_at = timezone.now() + dt.timedelta(seconds=LATEST_S)
        Letter.objects.create(
            account_id=ticket.account_id, ticket=ticket, due_at=due_at
        )


def release(ticket: Ticket) -> None:
    """The customer was told the number: its confirmation may leave."""
    rows = ticket.letters.filter(message__isnull=True, attempts=0)
    if rows.update(due_at=timezone.now()):
        transaction.on_commit(lambda: work.wake(LetterStep.name))


def pass_on(message: Message, conversation: Conversation) -> None:
    """Write a person's reply to the customer whose ticket is only here."""
    rows = Ticket.objects.filter(escalation__conversation=conversation, desk=None)
    ticket = rows.exclude(email="").order_by("-pk").first()
    if ticket is not None and _may_mail():
        Letter.objects.create(
            account_id=ticket.account_id, ticket=ticket, message=message
        )
        transaction.on_commit(lambda: work.wake(LetterStep.name))


def _compose(row: Letter) -> mail.Mail:
    ticket = row.ticket
    if not ticket.told:
        # The client hung up before it could be told.
        ticket.told = ticket.label
        ticket.save(update_fields=["told"])
    name = "confirmation" if row.is_confirmation else "reply"
    first = ticket.letters.filter(message__isnull=True).first()
    with speaking(_lang(ticket)):
        context = _context(row)
        return mail.Mail(
            reference=row.uuid,
            to=(ticket.email,),
            subject=gettext("[#%(number)s] Your support ticket")
            % {"number": ticket.told},
            text=render_to_string(f"escalation/{name}.txt", context),
            html=render_to_string(f"escalation/{name}.html", context),
            sender_name=ticket.account.name,
            is_automatic=row.is_confirmation,
            thread=None if row.is_confirmation or first is None else first.uuid,
        )


def _context(row: Letter) -> dict[str, Any]:
    ticket = row.ticket
    return {
        "ticket": ticket,
        "name": _first_name(ticket),
        "account": ticket.account,
        "lang": _lang(ticket).split("-")[0] or settings.LANGUAGE_CODE,
        "page_url": page_url(ticket),
        "message": row.message,
        # Only what we have stored of this conversation; never what a client sent with
        # its request, which anybody could have made up.
        "history": drafts.said(ticket.escalation) if row.is_confirmation else [],
    }


def page_url(ticket: Ticket) -> str:
    """The customer's page of a ticket that is only here; else empty."""
    if ticket.desk_id is not None or not settings.PUBLIC_URL:
        return ""
    return f"{settings.PUBLIC_URL}{reverse('ticket', args=[ticket.uuid])}"


def _first_name(ticket: Ticket) -> str:
    return ticket.escalation.contact_name.split(" ")[0]


def _lang(ticket: Ticket) -> str:
    return ticket.escalation.conversation.lang


def _may_mail() -> bool:
    return mail.is_configured()


def _is_mailed_by_desk(ticket: Ticket) -> bool:
    return ticket.desk is not None and bool(ticket.desk.settings.get("mails_customer"))
