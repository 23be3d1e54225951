"""Climb: from rung to rung until somebody takes an escalation."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from conversations import live
from conversations.models import Message
from core import work
from core.exceptions import PermanentProviderError
from core.language import speaking
from core.text import truncate
from escalation import drafts, services
from escalation.destinations import Destination
from escalation.failures import lock
from escalation.models import Alert, Escalation, Ticket
from escalation.rules import rungs_of
from integrations import alerts
from integrations.errands import ErrandStep

if TYPE_CHECKING:
    from escalation.models import Rung

#: Escalations that one look moves.
BATCH = 50
#: Longest part of the customer's words in an alert.
LONGEST_WORDS = 1000


@work.register
class LadderStep(work.Step):
    """Moves escalations that nobody has taken in time to their next rung."""

    name: ClassVar[str] = "ladder"

    async def run(self) -> float | None:
        for key in await self.loop.db(_due):
            await self.loop.db(climb, key)
        return None


@work.register
class AlertStep(ErrandStep):
    """Sends the alerts that wait."""

    name: ClassVar[str] = "alerts"
    model = Alert
    related = (
        "escalation__account",
        "escalation__question",
        "escalation__conversation__contact",
    )

    async def attempt(self, row: Alert) -> dict[str, Any]:
        if row.destination not in alerts.REGISTRY:
            raise PermanentProviderError(
                f"There is no alert service “{row.destination}”.",
                provider=row.destination,
            )
        facts, alert = await self.loop.db(_compose, row)
        await alerts.get(row.destination)(facts).send(alert)
        return {}

    def hold(self, row: Alert) -> None:
        lock(row.escalation.conversation_id)

    def settled(self, row: Alert) -> None:
        waiting = Escalation.objects.filter(
            pk=row.escalation_id, due_at__isnull=False, acknowledged_at__isnull=True
        )
        # Nobody was told, so there is nothing to wait for.
        if row.has_trouble and waiting.update(due_at=timezone.now()):
            transaction.on_commit(lambda: work.wake(LadderStep.name))
        live.mark_changed(row.escalation.conversation)


def _due() -> list[int]:
    rows = Escalation.objects.filter(due_at__lte=timezone.now()).order_by("due_at")
    return list(rows.values_list("pk", flat=True)[:BATCH])


@transaction.atomic
def climb(key: int) -> None:
    """Move one escalation up a rung, if it is still due."""
    row = Escalation.objects.filter(pk=key).first()
    if row is None:
        return
    conversation = lock(row.conversation_id)
    # Another worker may have moved it meanwhile.
    row.refresh_from_db()
    if row.due_at is None or row.due_at > timezone.now():
        return
    rungs = rungs_of(row)
    if row.rung < len(rungs):
        _step_on(row, rungs[row.rung])
        row.refresh_from_db()
        wait = dt.timedelta(minutes=rungs[row.rung].wait_minutes)
        row.due_at = timezone.now() + wait
        row.rung += 1
    if row.rung >= len(rungs):
        row.due_at = None
    row.save(update_fields=["rung", "due_at"])
    conversation.refresh_from_db()
    live.mark_changed(conversation)


def _step_on(row: Escalation, rung: Rung) -> None:
    if rung.destination == Destination.TICKET:
        services.create_ticket(escalation=row)
    elif rung.destination != Destination.DESK:
        Alert.objects.get_or_create(
            escalation=row,
            rung=row.rung,
            defaults={"account_id": row.account_id, "destination": rung.destination},
        )
        transaction.on_commit(lambda: work.wake(AlertStep.name))


def _compose(row: Alert) -> tuple[alerts.AlertFacts, alerts.Alert]:
    escalation = row.escalation
    said = escalation.conversation.messages.filter(author=Message.Author.CONTACT)
    last = said.order_by("-pk").first() or escalation.question
    ticket = Ticket.objects.filter(escalation=escalation).first()
    with speaking(settings.LANGUAGE_CODE):
        alert = alerts.Alert(
            reference=row.uuid,
            reason=str(escalation.get_reason_display()),
            customer=escalation.contact_name,
            text=truncate(last.text, LONGEST_WORDS),
            at=escalation.opened_at or escalation.created_at,
            problem=ticket.error if ticket else "",
            url=drafts.desk_url(escalation),
            take_url=_take_url(escalation),
        )
    return alerts.facts_of(escalation.account), alert


def _take_url(row: Escalation) -> str:
    path = reverse("take-escalation", args=[row.uuid])
    return f"{settings.PUBLIC_URL}{path}" if settings.PUBLIC_URL else ""
