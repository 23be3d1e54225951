"""What customers answer to our e-mails: from the mailbox into their conversations.

A reply names, in its headers, the e-mail that it answers, by a name that nobody can
guess. Only from the address to which that e-mail went it is taken for the customer's;
what else belongs to a ticket is kept for staff, and shown to nobody else.
"""

from __future__ import annotations

import datetime as dt
import enum
import logging
import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import DatabaseError, InterfaceError, transaction
from django.utils import timezone

from conversations import intake, live
from conversations import services as conversations
from conversations.models import Conversation
from core import imap, mail_reading
from core.exceptions import ProviderError
from escalation.failures import lock
from escalation.handling import heed_words
from escalation.models import IncomingMail, Letter, Mailbox, Ticket
from integrations.adapters.inbound import Attachment, InboundMessage

if TYPE_CHECKING:
    from conversations.models import Message
    from core.mail_reading import ReceivedMail

logger = logging.getLogger(__name__)

#: Headers read at a time, and how much of a mail is read: its words come first.
BATCH: Final = 100
MOST_BYTES: Final = 500_000
#: How far back a mailbox is looked through that was never read.
FIRST_LOOK = dt.timedelta(days=30)
#: E-mails of one ticket that are kept in a day; the others stay in the mailbox.
MOST_A_DAY: Final = 50
#: As `letters` writes it: "[#12] Your support ticket".
_NUMBER: Final = re.compile(r"\[#([^\]\s]{1,100})\]")


class Outcome(enum.StrEnum):
    """What became of an e-mail."""

    REPLY = "replies"
    UNVERIFIED = "unverified"
    AUTOMATIC = "automatic"
    KNOWN = "known before"
    TOO_MANY = "too many"
    #: It answers none of ours, and is left alone.
    STRANGE = "not ours"
    BROKEN = "broken"


def read_mailbox(server: imap.Server) -> Counter[str]:
    """Take in what came since the last look; returns how many became what.

    Raises `ProviderError`. A mail counts as looked at once what it says is committed, so
    whatever breaks off is taken up again, and what is read twice is stored once.
    """
    counts: Counter[str] = Counter()
    with imap.Reader(server) as reader:
        mark = _mark(server, reader.validity)
        since = None if mark.last_uid else timezone.now() - FIRST_LOOK
        uids = reader.after(mark.last_uid, since=since)
        for start in range(0, len(uids), BATCH):
            batch = uids[start : start + BATCH]
            heads = reader.heads(batch)
            for uid in batch:
                outcome = _look_at(reader, uid, heads.get(uid, b""))
                if outcome is not None:
                    counts[outcome] += 1
                    _move_on(mark, uid)
            _move_on(mark, batch[-1])
    return counts


def _mark(server: imap.Server, validity: int) -> Mailbox:
    row, _ = Mailbox.objects.get_or_create(
        name=server.name[:300], defaults={"validity": validity}
    )
    if row.validity != validity:
        row.validity, row.last_uid = validity, 0
        row.save(update_fields=["validity", "last_uid"])
    return row


def _move_on(mark: Mailbox, uid: int) -> None:
    # Where another process is ahead of us it stays so.
    rows = Mailbox.objects.filter(pk=mark.pk, validity=mark.validity)
    rows.filter(last_uid__lt=uid).update(last_uid=uid)


def _may_be_ours(head: bytes) -> bool:
    """Whether the rest of a mail is worth reading."""
    mail = _understood(head)
    is_reply = Letter.objects.filter(uuid__in=mail.references).exists()
    return is_reply or mail.is_report or _NUMBER.search(mail.subject) is not None


def _look_at(reader: imap.Reader, uid: int, head: bytes) -> Outcome | None:
    """Take in one mail; None: it has nothing to do with us."""
    try:
        if not _may_be_ours(head):
            return None
        return take_in(reader.whole(uid, MOST_BYTES))
    except (DatabaseError, InterfaceError, ProviderError):
        raise
    except Exception:
        # The outermost edge: one mail that we cannot make out must not hold up all
        # later ones. It stays in the mailbox.
        logger.exception("An e-mail could not be taken in")
        return Outcome.BROKEN


def take_in(raw: bytes) -> Outcome:
    """Store an e-mail with the ticket that it belongs to."""
    mail = _understood(raw)
    letter = _letter(mail)
    ticket = letter.ticket if letter is not None else _named_ticket(mail)
    if ticket is None or _is_from_us(mail):
        return Outcome.STRANGE
    with transaction.atomic():
        conversation = lock(ticket.escalation.conversation_id)
        kept = IncomingMail.objects.filter(ticket=ticket)
        if kept.filter(digest=mail.digest).exists():
            return Outcome.KNOWN
        day = timezone.now() - dt.timedelta(days=1)
        if kept.filter(created_at__gte=day).count() >= MOST_A_DAY:
            return Outcome.TOO_MANY
        return _keep(conversation, ticket, letter, mail)


def _keep(
    conversation: Conversation,
    ticket: Ticket,
    letter: Letter | None,
    mail: ReceivedMail,
) -> Outcome:
    row = IncomingMail(
        account_id=ticket.account_id,
        ticket=ticket,
        digest=mail.digest,
        sender=mail.sender,
        subject=mail.subject,
        text=mail.text,
    )
    if mail.is_automatic:
        row.kind, outcome = IncomingMail.Kind.AUTOMATIC, Outcome.AUTOMATIC
        if letter is not None and mail.has_failed:
            _note_bounce(letter, mail)
    elif letter is not None and mail.sender == ticket.email.lower():
        row.kind, outcome = IncomingMail.Kind.REPLY, Outcome.REPLY
        row.message = _say(conversation, mail)
        heed_words(ticket.escalation_id)
    else:
        row.kind, outcome = IncomingMail.Kind.UNVERIFIED, Outcome.UNVERIFIED
        Conversation.objects.filter(pk=conversation.pk).update(needs_person=True)
    row.save()
    conversation.refresh_from_db()
    live.mark_changed(conversation)
    return outcome


def _say(conversation: Conversation, mail: ReceivedMail) -> Message:
    """Put the customer's words into the conversation, for people to answer."""
    if conversation.status != Conversation.Status.SUPPORT_ACTIVE:
        conversations.hand_off(conversation=conversation, reason="wrote_by_email")
        conversation.refresh_from_db()
    inbound = InboundMessage(
        conversation_id=conversation.external_id,
        contact_id="",
        external_id=f"email:{mail.digest}",
        text=mail.text or mail.subject,
        attachments=tuple(
            Attachment(kind="file", name=each.name, content_type=each.content_type)
            for each in mail.files
        ),
    )
    return intake.store_unanswered(conversation, inbound, reason="wrote_by_email")


def _note_bounce(letter: Letter, mail: ReceivedMail) -> None:
    """The customer has not got one of ours, and staff should know."""
    words = " ".join((mail.text or mail.subject).split())
    Letter.objects.filter(pk=letter.pk, state=Letter.State.DONE).update(
        state=Letter.State.FAILED, error=words[:500]
    )


def _understood(raw: bytes) -> ReceivedMail:
    return mail_reading.read(raw, own_address=settings.DEFAULT_FROM_EMAIL.lower())


def _is_from_us(mail: ReceivedMail) -> bool:
    return mail.sender == settings.DEFAULT_FROM_EMAIL.lower()


def _letter(mail: ReceivedMail) -> Letter | None:
    found = Letter.objects.filter(uuid__in=mail.references).order_by("-pk")
    return found.select_related("ticket__escalation").first()


def _named_ticket(mail: ReceivedMail) -> Ticket | None:
    """The ticket whose number stands in the subject, of those written to there.

    Numbers can be guessed and senders made up, so it is only a hint for staff.
    """
    number = _NUMBER.search(mail.subject)
    if number is None or not mail.sender:
        return None
    rows = Ticket.objects.filter(told=number[1], email__iexact=mail.sender)
    return rows.select_related("escalation").order_by("-pk").first()
