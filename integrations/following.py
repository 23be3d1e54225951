"""Following tickets of ours on a desk: what changed there is read and told upwards.

A webhook, or the poll for what webhooks missed, only says which ticket to read. What the
desk then says of it is what counts, so forged, repeated and disordered hints do no harm.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from django.db import transaction
from django.utils import timezone

from core import http, work
from core.exceptions import PermanentProviderError, ProviderError
from integrations.models import Desk, FollowedTicket
from integrations.signals import ticket_changed

if TYPE_CHECKING:
    from collections.abc import Collection

    from integrations.desks.base import TicketNews

logger = logging.getLogger(__name__)

STEP = "tickets"
#: Tickets that one process reads at the same time.
BATCH = 20
#: For so long nobody else reads a ticket that one worker reads.
CLAIM = dt.timedelta(minutes=2)
#: A ticket that cannot be read is tried again after these many seconds.
RETRY_S = (10, 60, 600, 3600)
_CHUNK = 500


def follow(desk: Desk, external_id: str) -> None:
    """Tell from now on what happens to a ticket; belongs to whoever keeps its id."""
    FollowedTicket.objects.get_or_create(desk=desk, external_id=external_id)


def notice(desk: Desk, external_ids: Collection[str]) -> int:
    """Have those of the tickets read that are followed; returns how many."""
    names = list(external_ids)
    count = 0
    for start in range(0, len(names), _CHUNK):
        rows = FollowedTicket.objects.filter(
            desk=desk, external_id__in=names[start : start + _CHUNK]
        )
        count += rows.update(due_at=timezone.now(), attempts=0)
    if count:
        transaction.on_commit(lambda: work.wake(STEP))
    return count


def poll(desk: Desk) -> int:
    """Look for changes that no webhook told; raises `ProviderError`."""
    began = timezone.now()
    changed = http.run(desk.adapter.changed_since(desk.polled_at or desk.created_at))
    count = notice(desk, changed)
    Desk.objects.filter(pk=desk.pk).update(polled_at=began)
    return count


@work.register
class TicketStep(work.Step):
    """Reads tickets that are said to have changed."""

    name: ClassVar[str] = STEP

    async def run(self) -> float | None:
        while tickets := await self.loop.db(claim):
            await asyncio.gather(*(self._read(each) for each in tickets))
        return None

    async def _read(self, ticket: FollowedTicket) -> None:
        try:
            news = await ticket.desk.adapter.read(ticket.external_id)
            await self.loop.db(keep, ticket, news)
        except ProviderError as exc:
            await self.loop.db(put_off, ticket, exc)
        except Exception as exc:
            # The outermost edge: the ticket is read again after the fix.
            logger.exception("Ticket %s could not be kept", ticket)
            await self.loop.db(put_off, ticket, exc)


def claim() -> list[FollowedTicket]:
    """Take tickets that are due, for this worker alone."""
    now = timezone.now()
    due = FollowedTicket.objects.filter(due_at__lte=now, desk__is_active=True)
    if not due.exists():
        return []
    until = now + CLAIM
    with transaction.atomic():
        rows = due.select_for_update(skip_locked=True, of=("self",))
        found = list(rows.select_related("desk").order_by("due_at")[:BATCH])
        keys = [each.pk for each in found]
        FollowedTicket.objects.filter(pk__in=keys).update(due_at=until)
    for each in found:
        each.due_at = until
    return found


def keep(claimed: FollowedTicket, news: TicketNews) -> None:
    """Keep what was read and tell it upwards, unless there is fresher news to come."""
    claimed.desk.note_error("")
    with transaction.atomic():
        ticket = _held(claimed)
        if ticket is None:
            return
        fresh = [
            each for each in news.replies if each.external_id not in ticket.passed_on
        ]
        if fresh or news.status != ticket.status:
            told = replace(news, replies=tuple(fresh))
            ticket_changed.send(sender=FollowedTicket, desk=claimed.desk, news=told)
        if news.status == "gone":
            ticket.delete()
            return
        ticket.passed_on += [each.external_id for each in fresh]
        ticket.status, ticket.due_at, ticket.attempts = news.status, None, 0
        ticket.save(update_fields=["passed_on", "status", "due_at", "attempts"])


def put_off(claimed: FollowedTicket, exc: Exception) -> None:
    """Have a ticket read later that could not be read now."""
    pause = float(RETRY_S[min(claimed.attempts, len(RETRY_S) - 1)])
    if isinstance(exc, PermanentProviderError):
        claimed.desk.note_error(str(exc))
        pause = RETRY_S[-1]
    elif isinstance(exc, ProviderError) and exc.retry_after is not None:
        pause = min(exc.retry_after, RETRY_S[-1])
    with transaction.atomic():
        ticket = _held(claimed)
        if ticket is not None:
            ticket.due_at = timezone.now() + dt.timedelta(seconds=pause)
            ticket.attempts = min(ticket.attempts + 1, len(RETRY_S))
            ticket.save(update_fields=["due_at", "attempts"])


def _held(claimed: FollowedTicket) -> FollowedTicket | None:
    """The row, locked; None if it was noticed anew since it was claimed."""
    rows = FollowedTicket.objects.select_for_update()
    return rows.filter(pk=claimed.pk, due_at=claimed.due_at).first()
