"""Prove: send the link, take its opening, and go on where the contact was stopped."""

from __future__ import annotations

import enum
from typing import Any, ClassVar

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from conversations import live, proof_tokens, services, verification
from conversations.models import Contact, Conversation, Message
from conversations.proofs import EmailProof, ProofMark
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
    PROVED = "proved"
    #: Too old, used, or another link stands in its place.
    EXPIRED = "expired"
    TAMPERED = "tampered"
    #: Another link was sent, or too many were.
    SENT = "sent"
    LIMITED = "limited"


def begin(conversation: Conversation, email: str, lang: str) -> EmailProof:
    """Send a link to an address; the caller holds the conversation's lock.

    To an address that gets too many nothing is sent, and nobody is told: whoever asks
    would learn that others have asked.
    """
    now = timezone.now()
    mine = EmailProof.objects.filter(contact_id=conversation.contact_id)
    mine.filter(proved_at=None, replaced_at=None).update(replaced_at=now)
    theirs = EmailProof.objects.filter(
        account_id=conversation.account_id, email__iexact=email
    )
    is_silent = verification.are_too_many(
        theirs.filter(created_at__gt=now - verification.LIFE)
    )
    proof = EmailProof.objects.create(
        account_id=conversation.account_id,
        contact_id=conversation.contact_id,
        conversation=conversation,
        email=email,
        lang=spoken(lang),
        expires_at=now + verification.LIFE,
        state=EmailProof.State.DONE if is_silent else EmailProof.State.WAITING,
        error="Not sent: this address gets too many." if is_silent else "",
    )
    transaction.on_commit(lambda: work.wake(ProofStep.name))
    return proof


def look(token: str) -> tuple[Outcome, EmailProof | None]:
    """How a link stands; changes nothing. Raises nothing: a bad link is an outcome."""
    try:
        claims = proof_tokens.read(token)
    except proof_tokens.Tampered:
        return Outcome.TAMPERED, None
    rows = EmailProof.objects.select_related("account", "contact__channel")
    proof = rows.filter(uuid=claims.proof).first()
    if proof is None or not claims.fit(proof):
        return Outcome.TAMPERED, None
    if proof.proved_at is not None:
        # Opened before: by the same person, or by a second click.
        return Outcome.PROVED, proof
    return Outcome.READY if proof.is_good else Outcome.EXPIRED, proof


@transaction.atomic
def prove(proof: EmailProof) -> Outcome:
    """The link was opened: its contact is verified, once."""
    rows = _lock(proof.contact_id)
    now = timezone.now()
    unused = EmailProof.objects.filter(
        pk=proof.pk, proved_at=None, replaced_at=None, expires_at__gt=now
    )
    if not unused.update(proved_at=now):
        return Outcome.EXPIRED
    Contact.objects.filter(pk=proof.contact_id).update(email=proof.email)
    ProofMark.objects.create(account_id=proof.account_id, proof=proof)
    transaction.on_commit(lambda: work.wake(MarkStep.name))
    for row in rows:
        # Where people reply, the assistant says nothing more.
        if row.status == Conversation.Status.ACTIVE:
            _go_on(row)
            if row.pk == proof.conversation_id:
                _say(row, "verified", proof.lang)
    return Outcome.PROVED


@transaction.atomic
def renew(proof: EmailProof) -> Outcome:
    """Send another link to the address of one that has expired."""
    rows = {row.pk: row for row in _lock(proof.contact_id)}
    standing = verification.standings(rows.values()).get(proof.conversation_id)
    if standing is None:
        return Outcome.PROVED
    if standing.is_limited or not standing.is_possible:
        return Outcome.LIMITED
    begin(rows[proof.conversation_id], proof.email, proof.lang)
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
    keys = [each.pk for each in held if verification.is_question(each.text)]
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
class ProofStep(ErrandStep):
    """Sends the links that wait."""

    name: ClassVar[str] = "proofs"
    model = EmailProof
    related = ("account", "contact__channel", "conversation")

    async def attempt(self, row: EmailProof) -> dict[str, Any]:
        if row.is_good:
            await mail.send(await self.loop.db(_letter, row))
        return {}

    def hold(self, row: EmailProof) -> None:
        _lock(row.contact_id)

    def settled(self, row: EmailProof) -> None:
        conversation = Conversation.objects.select_related("channel").get(
            pk=row.conversation_id
        )
        is_ours = conversation.status == Conversation.Status.ACTIVE
        if row.state == row.State.FAILED and row.is_good and is_ours:
            conversation.needs_person = True
            _say(conversation, "failed", row.lang)


@work.register
class MarkStep(ErrandStep):
    """Tells providers that an address was proved."""

    name: ClassVar[str] = "marks"
    model = ProofMark
    related = ("proof__contact", "proof__conversation__channel")

    async def attempt(self, row: ProofMark) -> dict[str, Any]:
        conversation = row.proof.conversation
        adapter = adapter_of(conversation.channel)
        await adapter.set_attributes(conversation.address, row.values)
        return {}


def link_of(proof: EmailProof) -> str:
    """The address that proves it."""
    path = reverse("verify-email", args=[proof_tokens.make(proof)])
    return f"{settings.PUBLIC_URL}{path}"


def _letter(proof: EmailProof) -> mail.Mail:
    """Nothing in it was written by whoever told the address."""
    with speaking(proof.lang):
        context = {
            "business": proof.account.name,
            "link": link_of(proof),
            "lang": spoken(proof.lang),
        }
        return mail.Mail(
            reference=proof.uuid,
            to=(proof.email,),
            subject=gettext("Verify your e-mail address"),
            text=render_to_string("conversations/verify_email.txt", context),
            html=render_to_string("conversations/verify_email.html", context),
            sender_name=proof.account.name,
        )
