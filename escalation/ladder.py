"""Climb: from rung to rung until somebody takes an escalation."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import transaction
from django.utils import timezone

from conversations import live
from core import work
from core.exceptions import PermanentProviderError, ProviderError
from escalation import services
from escalation import telling as telling_of
from escalation.destinations import Destination
from escalation.failures import lock
from escalation.models import Alert, Escalation
from escalation.rules import rungs_of
from integrations import alerting
from integrations.errands import ErrandStep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from escalation.models import Rung

#: Escalations that one look moves.
BATCH = 50


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
        "escalation__conversation__channel",
    )

    async def attempt(self, row: Alert) -> dict[str, Any]:
        telling = await self.loop.db(telling_of.prepare, row)
        if telling is None:
            return {}
        try:
            await telling.adapter.send(telling.alert)
        except ProviderError as exc:
            await self.insist(row, _note_failure, telling, exc)
            is_last = row.attempts >= telling.adapter.most_attempts
            if is_last and exc.retry_after is None:
                raise PermanentProviderError(str(exc), provider=exc.provider) from exc
            raise
        await self.insist(row, _note_success, telling)
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
    if _needs_consent(row, rungs):
        row.rung = len(rungs)
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


def _needs_consent(row: Escalation, rungs: Sequence[Rung]) -> bool:
    """Whether the next rung is a ticket that the customer has only been offered."""
    is_offer = row.state == Escalation.State.OFFERED
    following = rungs[row.rung : row.rung + 1]
    return is_offer and any(
        each.destination == Destination.TICKET for each in following
    )


def _step_on(row: Escalation, rung: Rung) -> None:
    if rung.destination == Destination.TICKET:
        services.create_ticket(escalation=row)
    elif rung.destination != Destination.DESK:
        # Where it was told of before, it is needed again since.
        Alert.objects.filter(escalation=row, rung=row.rung).delete()
        Alert.objects.create(
            escalation=row,
            rung=row.rung,
            account_id=row.account_id,
            destination=rung.destination,
        )
        transaction.on_commit(lambda: work.wake(AlertStep.name))


def _note_failure(telling: telling_of.Telling, exc: ProviderError) -> None:
    alerting.give_back(telling.target)
    if isinstance(exc, PermanentProviderError):
        alerting.note(telling.target, str(exc))


def _note_success(telling: telling_of.Telling) -> None:
    alerting.note(telling.target, "")
    telling_of.settle_others(telling)
