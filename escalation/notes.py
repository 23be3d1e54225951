"""What customers add later, as notes on the tickets that their desks have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from conversations.models import Message
from core import store, work
from core.bundle import Bundle
from core.exceptions import PermanentProviderError, TemporaryProviderError
from core.language import speaking
from escalation import drafts
from escalation.models import Note, Ticket
from integrations.errands import ErrandStep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.models import Conversation
    from core.exceptions import ProviderError

#: How a ticket stands where nobody on the desk works on it any more.
OVER = ("solved", "closed", "gone")
#: Seconds until a note looks again whether its ticket has been made.
TICKET_WAIT_S = 60.0


@work.register
class NoteStep(ErrandStep):
    """Puts the notes that wait on their tickets."""

    name: ClassVar[str] = "notes"
    model = Note
    related = (
        "message",
        "ticket__desk",
        "ticket__escalation__conversation__contact",
    )
    can_look = True

    async def attempt(self, row: Note) -> dict[str, Any]:
        ticket = row.ticket
        if ticket.desk is None:
            # It was disconnected meanwhile: the words are here.
            return {}
        if not ticket.external_id:
            raise _no_ticket(ticket, ticket.desk.provider)
        adapter = ticket.desk.adapter
        is_there = row.must_look and await adapter.has_note(
            ticket.external_id, str(row.uuid)
        )
        if not is_there:
            html = await self.loop.db(_html, row)
            await adapter.note(ticket.external_id, html)
        return {}


def pass_on(conversations: Sequence[Conversation]) -> None:
    """Have what contacts have just said put on the tickets that desks work on.

    The caller holds the conversations' locks.
    """
    # As SQL: each word that arrives comes by here, and few have a ticket.
    are_these, params = store.any_of([each.pk for each in conversations])
    bundle = Bundle()
    found = bundle.fetch(
        "SELECT t.id FROM escalation_ticket t JOIN escalation_escalation e"
        f" ON e.id = t.escalation_id WHERE e.conversation_id {are_these}"
        " AND t.desk_id IS NOT NULL",
        params,
    )
    bundle.send()
    if not found:
        return
    rows = Ticket.objects.filter(pk__in=[row["id"] for row in found])
    open_rows = rows.exclude(desk_status__in=OVER)
    by_age = open_rows.select_related("escalation").order_by("pk")
    newest = {each.escalation.conversation_id: each for each in by_age}
    for ticket in newest.values():
        _note_words(ticket)


def release(ticket: Ticket) -> None:
    """The desk has the ticket now, so what waited for it may leave."""
    state = Note.State
    waiting = ticket.notes.filter(state__in=[state.WAITING, state.FAILED])
    if waiting.update(state=state.WAITING, error="", due_at=timezone.now()):
        transaction.on_commit(lambda: work.wake(NoteStep.name))


def _note_words(ticket: Ticket) -> None:
    said = Message.objects.filter(
        conversation_id=ticket.escalation.conversation_id,
        author=Message.Author.CONTACT,
        created_at__gte=ticket.created_at,
    )
    new = said.exclude(pk__in=Note.objects.filter(ticket=ticket).values("message"))
    notes = [
        Note(account_id=ticket.account_id, ticket=ticket, message=each)
        for each in new.exclude(pk=ticket.escalation.question_id).order_by("pk")
    ]
    if Note.objects.bulk_create(notes):
        transaction.on_commit(lambda: work.wake(NoteStep.name))


def _no_ticket(ticket: Ticket, provider: str) -> ProviderError:
    words = "The desk has not got the ticket."
    if ticket.has_trouble:
        return PermanentProviderError(words, provider=provider)
    return TemporaryProviderError(words, provider=provider, retry_after=TICKET_WAIT_S)


def _html(row: Note) -> str:
    with speaking(settings.LANGUAGE_CODE):
        return render_to_string(
            "escalation/note.html",
            {
                "note": row,
                "message": row.message,
                "name": row.ticket.escalation.contact_name,
                "desk_url": drafts.desk_url(row.ticket.escalation),
            },
        )
