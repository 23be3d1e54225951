"""Verify: send the link, take its opening, and go on where the contact was stopped."""

from __future__ import annotations

import enum
from typing import Any, ClassVar

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from conversations import link_tokens, live, services, verification
from conversations.models import (
    Contact,
    Conversation,
    Message,
    VerificationLink,
    VerificationMark,
)
from core import mail, store, work
from core.language import speaking, spoken
from integrations.errands import ErrandStep
from integrations.facts import adapter_of

#: Newest of the held messages that are answered after the link was opened.
MOST_HELD = 10


class Outcome(enum.StrEnum):
    """What opening a link has come to; also the name of the page that says so."""

    #: It is good, and waits for its button.
    READY = "ready"
    VERIFIED = "verified"
    #: Too old, used, or another link stands in its place.
    EXPIRED = "expired"
    TAMPERED = "tampered"
    #: Another link was sent, or too many were.
    SENT = "sent"
    LIMITED = "limited"


def begin(conversation: Conversation, email: str, lang: str) -> VerificationLink:
    """Send a link to an address; the caller holds the conversation's lock.

    To an address that gets too many nothing is sent, and nobody is told: whoever asks
    would learn that others have asked.
    """
    now = timezone.now()
    mine = VerificationLink.objects.filter(contact_id=conversation.contact_id)
    mine.filter(opened_at=None, replaced_at=None).update(replaced_at=now)
    theirs = VerificationLink.objects.filter(
        account_id=conversation.account_id, email__iexact=email
    )
    is_silent = verification.are_too_many(
        theirs.filter(created_at__gt=now - verification.LIFE)
    )
    link = VerificationLink.objects.create(
        account_id=conversation.account_id,
        contact_id=conversation.contact_id,
        conversation=conversation,
        email=email,
        lang=spoken(lang),
        expires_at=now + verification.LIFE,
        state=VerificationLink.State.DONE
        if is_silent
        else VerificationLink.State.WAITING,
        error="Not sent: this address gets too many." if is_silent else "",
    )
    transaction.on_commit(lambda: work.wake(LinkStep.name))
    return link


def look(token: str) -> tuple[Outcome, VerificationLink | None]:
    """How a link stands; changes nothing. Raises nothing: a bad link is an outcome."""
    try:
        claims = link_tokens.read(token)
    except link_tokens.Tampered:
        return Outcome.TAMPERED, None
    rows = VerificationLink.objects.select_related("account", "contact__channel")
    link = rows.filter(uuid=claims.link).first()
    if link is None or not claims.fit(link):
        return Outcome.TAMPERED, None
    if link.opened_at is not None:
        # Opened before: by the same person, or by a second click.
        return Outcome.VERIFIED, link
    return Outcome.READY if link.is_good else Outcome.EXPIRED, link


@transaction.atomic
def open_link(link: VerificationLink) -> Outcome:
    """The link was opened: its contact is verified, once."""
    rows = _lock(link.contact_id)
    now = timezone.now()
    unused = VerificationLink.objects.filter(
        pk=link.pk, opened_at=None, replaced_at=None, expires_at__gt=now
    )
    if not unused.update(opened_at=now):
        return Outcome.EXPIRED
    Contact.objects.filter(pk=link.contact_id).update(email=link.email)
    VerificationMark.objects.create(account_id=link.account_id, link=link)
    transaction.on_commit(lambda: work.wake(MarkStep.name))
    for row in rows:
        # Where people reply, the assistant says nothing more.
        if row.status == Conversation.Status.ACTIVE:
            _go_on(row)
            if row.pk == link.conversation_id:
                _say(row, "verified", link.lang)
    return Outcome.VERIFIED


@transaction.atomic
def renew(link: VerificationLink) -> Outcome:
    """Send another link to the address of one that has expired."""
    rows = {row.pk: row for row in _lock(link.contact_id)}
    standing = verification.standings(rows.values()).get(link.conversation_id)
    if standing is None:
        return Outcome.VERIFIED
    newest = VerificationLink.objects.filter(contact_id=link.contact_id).latest("pk")
    if newest.email != link.email:
        # The contact has told another address since; this one is not theirs any more.
        return Outcome.EXPIRED
    if standing.is_limited or not standing.is_possible:
        return Outcome.LIMITED
    begin(rows[link.conversation_id], link.email, link.lang)
    return Outcome.SENT


def _lock(contact_id: int) -> list[Conversation]:
    rows = Conversation.objects.select_related("channel").filter(contact_id=contact_id)
    if store.is_postgresql():
        rows = rows.select_for_update(of=("self",))
    return list(rows.order_by("pk"))


def _go_on(row: Conversation) -> None:
    """Have what was held answered; the caller holds the row's lock.

    The epoch grows, so that a turn which still asks for an address says nothing more.
    """
    row.epoch += 1
    held = row.messages.filter(
        author=Message.Author.CONTACT, reason=verification.HELD
    ).order_by("-pk")[:MOST_HELD]
    keys = [
        each.pk
        for each in held
        if each.attachments or verification.is_question(each.text)
    ]
    row.messages.filter(pk__in=keys).update(state=Message.State.WAITING, reason="")
    waiting = row.messages.filter(state=Message.State.WAITING).order_by("-pk")
    last = waiting.values_list("pk", flat=True).first()
    if last is not None:
        row.due_at = row.waiting_since = timezone.now()
        # Newer words were about the address; the answer waits for none of them.
        row.last_inbound_id = last
        transaction.on_commit(lambda: work.wake("turns"))
    row.attempts = 0
    row.save(
        update_fields=[
            "epoch",
            "due_at",
            "waiting_since",
            "attempts",
            "last_inbound_id",
        ]
    )


def _say(row: Conversation, name: str, lang: str) -> None:
    """Say a line of the dialogue; the caller holds the row's lock."""
    message = services.say(
        row,
        verification.line(name, row.lang or lang),
        author=Message.Author.ASSISTANT,
        epoch=row.epoch,
        reason=name,
    )
    row.seq = message.seq = live.next_seq(row.account_id)
    message.save(update_fields=["seq"])
    row.save(update_fields=["last_text", "last_message_at", "needs_person", "seq"])
    live.announce([row])


@work.register
class LinkStep(ErrandStep):
    """Sends the links that wait."""

    name: ClassVar[str] = "links"
    model = VerificationLink
    related = ("account", "contact__channel", "conversation")

    async def attempt(self, row: VerificationLink) -> dict[str, Any]:
        if row.is_good:
            await mail.send(await self.loop.db(_letter, row))
        return {}

    def hold(self, row: VerificationLink) -> None:
        _lock(row.contact_id)

    def settled(self, row: VerificationLink) -> None:
        conversation = Conversation.objects.select_related("channel").get(
            pk=row.conversation_id
        )
        is_ours = conversation.status == Conversation.Status.ACTIVE
        if row.state == row.State.FAILED and row.is_good and is_ours:
            conversation.needs_person = True
            _say(conversation, "failed", row.lang)


@work.register
class MarkStep(ErrandStep):
    """Tells providers that an address was verified."""

    name: ClassVar[str] = "marks"
    model = VerificationMark
    related = ("link__contact", "link__conversation__channel")

    async def attempt(self, row: VerificationMark) -> dict[str, Any]:
        conversation = row.link.conversation
        adapter = adapter_of(conversation.channel)
        await adapter.set_attributes(conversation.address, row.values)
        return {}


def address_of(link: VerificationLink) -> str:
    """The address that is opened."""
    path = reverse("verify-email", args=[link_tokens.make(link)])
    return f"{settings.PUBLIC_URL}{path}"


def _letter(link: VerificationLink) -> mail.Mail:
    """Nothing in it was written by whoever told the address."""
    with speaking(link.lang):
        context = {
            "business": link.account.name,
            "link": address_of(link),
            "lang": spoken(link.lang),
        }
        return mail.Mail(
            reference=link.uuid,
            to=(link.email,),
            subject=gettext("Verify your e-mail address"),
            text=render_to_string("conversations/verify_email.txt", context),
            html=render_to_string("conversations/verify_email.html", context),
            sender_name=link.account.name,
        )
