"""Make tickets at the account's desk, each once, and heed what becomes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.utils import timezone

from conversations import live
from conversations import services as conversations
from core import work
from core.exceptions import PermanentProviderError
from escalation import drafts, notes
from escalation.failures import lock
from escalation.models import Escalation, Ticket
from integrations import following
from integrations.errands import ErrandStep

if TYPE_CHECKING:
    from integrations.desks.base import Ticket as DeskTicket
    from integrations.desks.base import TicketNews
    from integrations.models import Desk

#: What an attempt and its draft read.
RELATED = (
    "desk",
    "escalation__question",
    "escalation__reply",
    "escalation__conversation__contact",
)


@work.register
class TicketStep(ErrandStep):
    """Makes the tickets that wait for their desk."""

    name: ClassVar[str] = "tickets"
    model = Ticket
    related = RELATED
    can_look = True

    async def attempt(self, row: Ticket) -> dict[str, Any]:
        if row.desk is None:
            # The desk was disconnected meanwhile: the ticket stays here.
            return {}
        made = await self._make(row, row.desk)
        return {"external_id": made.external_id, "url": made.url}

    async def _make(self, row: Ticket, desk: Desk) -> DeskTicket:
        if not desk.is_active:
            raise PermanentProviderError(
                f"{desk.name} is switched off.", provider=desk.provider
            )
        draft = await self.loop.db(drafts.draft, row)
        if row.must_look:
            found = await desk.adapter.find(draft)
            if found is not None:
                return found
        return await desk.adapter.create(draft)

    def hold(self, row: Ticket) -> None:
        lock(row.escalation.conversation_id)

    def settled(self, row: Ticket) -> None:
        escalation = row.escalation
        if row.state == Ticket.State.DONE:
            if row.desk is not None:
                following.follow(row.desk, row.external_id)
                notes.release(row)
                escalation.due_at = None
            if escalation.state == Escalation.State.OPEN:
                escalation.state = Escalation.State.TICKET
        elif row.has_trouble and escalation.state == Escalation.State.TICKET:
            # Nobody has it now: a person is needed again.
            escalation.call_people(Escalation.State.OPEN)
        escalation.save(update_fields=["state", "due_at"])
        live.mark_changed(escalation.conversation)


def heed_news(desk: Desk, news: TicketNews) -> None:
    """What staff did on the desk, for the conversation that the ticket came from."""
    found = Ticket.objects.filter(desk=desk, external_id=news.external_id)
    ticket = found.select_related("escalation").first()
    if ticket is None:
        return
    conversation = lock(ticket.escalation.conversation_id)
    found.update(desk_status=news.status)
    for each in news.replies:
        conversations.reply(conversation=conversation, user=None, text=each.text)
    state = Escalation.State
    if news.status in ("solved", "closed"):
        rows = Escalation.objects.filter(ticket=ticket)
        rows.filter(state__in=[state.TICKET, state.OPEN]).update(
            state=state.ANSWERED, acknowledged_at=timezone.now(), due_at=None
        )
    conversation.refresh_from_db()
    live.mark_changed(conversation)
