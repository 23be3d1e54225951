"""From a stored event to what it says: the step between inbox and conversations."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q
from django.utils import timezone

from core import store, work
from core.exceptions import ProviderError
from core.text import clean_text
from integrations.facts import adapter_of
from integrations.models import Channel, Event, EventQuerySet
from integrations.signals import things_arrived

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from integrations.adapters.base import Adapter, ChannelFacts
    from integrations.adapters.inbound import Inbound

    Courtesy = tuple[Adapter, dict[str, Any]]

logger = logging.getLogger(__name__)

#: Advisory lock of whoever reads events; "read" in ASCII.
_READER = 0x72656164
#: Events worked off in one transaction.
BATCH = 200
#: Seconds by which a channel's time of the last event may be behind.
LAST_EVENT_S = 10
#: A broken event is tried again after these many seconds, then left for a fix.
RETRY_S = (1, 10, 60, 600)


@work.register
class ReceiveStep(work.Step):
    """Reads waiting events and tells the conversations what arrived."""

    name: ClassVar[str] = "receive"

    async def run(self) -> float | None:
        while await self.loop.db(work_off) == BATCH:
            pass
        return None


@work.register
class CourtesyStep(work.Step):
    """Tells providers what they want to hear of events; what fails is let be."""

    name: ClassVar[str] = "courtesies"

    def __init__(self, loop: work.WorkLoop) -> None:
        super().__init__(loop)
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> float | None:
        return None

    def take(self, items: Sequence[Courtesy]) -> None:
        for adapter, payload in items:
            task = asyncio.create_task(_answer_back(adapter, payload))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def finish(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=work.GRACE_S)


async def _answer_back(adapter: Adapter, payload: dict[str, Any]) -> None:
    try:
        await adapter.answer_back(payload)
    except ProviderError as exc:
        logger.info("%s could not be answered back: %s", adapter.key, exc.code)


def _be_courteous(courtesies: Sequence[Courtesy]) -> None:
    loop = work.current()
    if loop is not None and courtesies:
        loop.give(CourtesyStep.name, courtesies)


def work_off() -> int:
    """Work off one batch of waiting events; returns how many were taken.

    An event that fails takes nobody with it: the batch is then read one by one.
    """
    try:
        with transaction.atomic():
            events = _claim(BATCH)
            _tell(events)
    except (InterfaceError, OperationalError):
        raise
    except Exception:
        # Whichever event it was, it will say so when it is read alone.
        logger.exception("A batch of events failed; reading them one by one")
        return _work_off_singly()
    return len(events)


def _work_off_singly() -> int:
    keys = [event.pk for event in _due().order_by("id")[:BATCH]]
    for key in keys:
        try:
            with transaction.atomic():
                _tell(_claim(1, key))
        except (InterfaceError, OperationalError):
            raise  # the database is away; the event is not to blame
        except Exception as exc:  # noqa: BLE001 (a bug in an adapter loses nothing)
            _note_failure(key, exc)
    return len(keys)


def _due() -> EventQuerySet:
    now = timezone.now()
    return Event.objects.waiting().filter(Q(due_at=None) | Q(due_at__lte=now))


def _claim(most: int, key: int | None = None) -> list[Event]:
    rows = _due() if key is None else _due().filter(pk=key)
    if store.is_postgresql():
        # One worker reads at a time, for milliseconds: two could overtake each other
        # within a thread.
        store.execute("SELECT pg_advisory_xact_lock(%s)", [_READER])
        rows = rows.select_for_update(skip_locked=True, of=("self",))
    return list(rows.order_by("id")[:most])


def _tell(events: list[Event]) -> None:
    if not events:
        return
    rows = Channel.objects.select_related("account").filter(
        pk__in={event.channel_id for event in events}
    )
    channels = {channel.pk: adapter_of(channel) for channel in rows}
    arrivals: list[tuple[ChannelFacts, Inbound]] = []
    courtesies: list[Courtesy] = []
    for event in events:
        adapter = channels[event.channel_id]
        payload = adapter.decode(event.body.encode())
        found = adapter.parse(payload)
        if adapter.wants_answer(payload):
            courtesies.append((adapter, payload))
        arrivals += [(adapter.channel, each) for each in found]
        event.state = Event.State.DONE if found else Event.State.IGNORED
    # Not in this transaction: others lock conversations before their channel.
    transaction.on_commit(lambda: _note_signs_of_life(rows))
    if arrivals:
        things_arrived.send(sender=Event, arrivals=arrivals)
    transaction.on_commit(lambda: _be_courteous(courtesies))
    for state in (Event.State.DONE, Event.State.IGNORED):
        keys = [event.pk for event in events if event.state == state]
        if keys:
            Event.objects.filter(pk__in=keys).update(state=state, due_at=None)


def _note_signs_of_life(channels: Iterable[Channel]) -> None:
    now = timezone.now()
    before = now - dt.timedelta(seconds=LAST_EVENT_S)
    behind = [
        each.pk
        for each in channels
        if each.last_event_at is None or each.last_event_at < before
    ]
    if behind:
        Channel.objects.filter(pk__in=behind).update(last_event_at=now)


def _note_failure(key: int, exc: Exception) -> None:
    logger.error("Event %s could not be read", key)
    event = Event.objects.get(pk=key)
    event.attempts += 1
    event.note = clean_text(f"{type(exc).__name__}: {exc}")[:500]
    if event.attempts > len(RETRY_S):
        event.state = Event.State.FAILED
    else:
        pause = RETRY_S[event.attempts - 1]
        event.due_at = timezone.now() + dt.timedelta(seconds=pause)
    event.save(update_fields=["attempts", "note", "state", "due_at"])
