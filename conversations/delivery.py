"""Deliver: what was committed leaves, part by part, in order.

A part leaves only while the epoch stands in which it was committed. After an attempt
that may have arrived we look before we repeat, and where a provider cannot be asked we
do not repeat at all.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final

from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import Case, F, When
from django.utils import timezone

from conversations import handover, intake
from conversations.models import Delivery, Message
from conversations.outbound import outbound_of
from conversations.outcomes import Outcome, after_failure, record
from core import groups, lease, store, work
from core.exceptions import (
    CredentialsRefused,
    ProviderError,
    ThreadTaken,
)
from core.text import clean_text
from integrations import breakage
from integrations.adapters.base import Adapter
from integrations.adapters.inbound import Inbound, InboundTurnover, Turnover
from integrations.facts import cache

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from integrations.adapters.base import Adapter, Outbound

logger = logging.getLogger(__name__)

#: Parts that one worker sends at the same time.
CONCURRENCY = 200
BATCH = 200
#: Seconds for which a part may leave on the strength of the commit that claimed it.
FRESH_S = 0.05
#: Seconds after which a part that is ours and was never begun is given back: what we
#: claimed or committed without hearing of it, because the connection broke.
BEGUN_IN_S = 5.0
OPEN = Delivery.OPEN


@dataclass(frozen=True, slots=True)
class Claimed:
    """A part that this worker is to send."""

    id: int
    worker: int
    attempts: int
    must_look: bool
    adapter: Adapter
    outbound: Outbound
    #: The provider's id of the thread.
    thread: str
    #: The assistant's words, which nobody may have taken the right to.
    is_assistants: bool
    #: It passed the fence when it was committed, which holds until this time of the
    #: monotonic clock; 0: it has to pass it yet.
    fresh_until: float = 0.0


@work.register
class DeliverStep(work.Step):
    """Claims parts that are due and sends them."""

    name: ClassVar[str] = "deliver"

    def __init__(self, loop: work.WorkLoop) -> None:
        super().__init__(loop)
        self._running: dict[asyncio.Task[None], int] = {}
        #: Parts that are ours and do not run, and since when (monotonic).
        self._unbegun: dict[int, float] = {}
        self._starts = groups.GroupCommit(self._start_batch)
        self._restarts = groups.GroupCommit(self._restart_batch)
        self._records = groups.GroupCommit(self._record_batch)

    async def run(self) -> float | None:
        while (room := CONCURRENCY - len(self._running)) > 0:
            claimed = await self.loop.db(claim, self.loop.worker, min(room, BATCH))
            self.take(claimed)
            if len(claimed) < BATCH:
                break
        return None

    def take(self, items: Sequence[Claimed]) -> None:
        for each in items:
            task = asyncio.create_task(self._deliver(each))
            self._running[task] = each.id
            task.add_done_callback(self._running.pop)

    async def finish(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=work.GRACE_S)

    def recover(self) -> None:
        now = time.monotonic()
        unbegun = held(self.loop.worker) - {*self._running.values()}
        self._unbegun = {key: self._unbegun.get(key, now) for key in unbegun}
        lost = [key for key, at in self._unbegun.items() if now - at > BEGUN_IN_S]
        given_back = give_back(self.loop.worker, lost) if lost else 0
        if recover(self.loop.worker) or given_back:
            self.loop.wake(self.name)

    async def _deliver(self, claimed: Claimed) -> None:
        outcome = await self._attempt(claimed)
        if outcome is not None:
            outcome = replace(outcome, worker=claimed.worker, attempts=claimed.attempts)
        while outcome is not None:
            try:
                await self._records.add(outcome)
            except Exception:
                # The outermost edge. What was sent must be known before anything else
                # happens to it; if this process ends first, its lease says so.
                logger.exception("Delivery %s could not be recorded", claimed.id)
                await asyncio.sleep(1)
            else:
                break
        self.loop.wake(self.name)

    async def _attempt(self, claimed: Claimed) -> Outcome | None:
        adapter, outbound = claimed.adapter, claimed.outbound
        try:
            if claimed.must_look:
                if not adapter.can_look():
                    return Outcome(claimed.id, Delivery.State.UNCERTAIN)
                found = await adapter.find_sent(outbound)
                if found is not None:
                    return Outcome(claimed.id, Delivery.State.SENT, found)
            if not await self._is_ours(claimed) or not await self._may_leave(claimed):
                return None  # withheld: a person acted
            external_id = await adapter.send(outbound)
        except CredentialsRefused as exc:
            await self.loop.db(
                breakage.note_refusal, adapter.channel.id, clean_text(str(exc))
            )
            return after_failure(claimed, exc)
        except ThreadTaken as exc:
            if not claimed.is_assistants:
                return after_failure(claimed, exc)
            news = InboundTurnover(claimed.thread, Turnover.TO_SUPPORT)
            await self.loop.db(heed, claimed, [news])
            return None  # withheld: people reply over there
        except ProviderError as exc:
            return after_failure(claimed, exc)
        except (DatabaseError, InterfaceError):
            logger.exception("Delivery %s could not be started", claimed.id)
            due = timezone.now() + dt.timedelta(seconds=1)
            return Outcome(
                claimed.id,
                Delivery.State.WAITING,
                due_at=due,
                must_look=claimed.must_look,
            )
        except Exception as exc:
            # A bug in an adapter: shown on the desk, and sent again after the fix.
            logger.exception("Adapter %s broke on %s", adapter.key, claimed.id)
            return Outcome(
                claimed.id,
                Delivery.State.FAILED,
                error=clean_text(repr(exc))[:300],
                must_look=adapter.can_look(),
            )
        if adapter.channel.error:
            await self.loop.db(breakage.note_success, adapter.channel.id)
        pace_s = adapter.pace_s(outbound.address)
        return Outcome(claimed.id, Delivery.State.SENT, external_id, pace_s=pace_s)

    async def _is_ours(self, claimed: Claimed) -> bool:
        """Whether the provider says, too, that the assistant may speak.

        Its news may be late, or lost; the assistant's words leave only on a fresh look.
        """
        if not claimed.is_assistants or not claimed.adapter.can_ask:
            return True
        found = await claimed.adapter.look(claimed.thread, claimed.outbound.address)
        news = [each for each in found if not _gives_to_assistant(each)]
        return not news or await self.loop.db(heed, claimed, news)

    async def _may_leave(self, claimed: Claimed) -> bool:
        if time.monotonic() < claimed.fresh_until:
            return True
        fence = self._restarts if claimed.fresh_until else self._starts
        return await fence.add(claimed.id)

    async def _start_batch(self, keys: list[int]) -> Sequence[bool]:
        started = await self.loop.db(start, keys, self.loop.worker)
        return [key in started for key in keys]

    async def _restart_batch(self, keys: list[int]) -> Sequence[bool]:
        started = await self.loop.db(
            start, keys, self.loop.worker, Delivery.State.SENDING
        )
        return [key in started for key in keys]

    async def _record_batch(self, outcomes: list[Outcome]) -> Sequence[None]:
        await self.loop.db(record, outcomes)
        return [None] * len(outcomes)


def claim(worker: int, most: int) -> list[Claimed]:
    """Claim the first open part of conversations in which one is due."""
    rows = store.fetch(
        "UPDATE conversations_delivery SET state = 'claimed', worker = %s,"
        " attempts = attempts + 1 WHERE id IN ("
        " SELECT d.id FROM conversations_delivery d"
        " WHERE d.state = 'waiting' AND d.due_at <= %s AND NOT EXISTS ("
        "  SELECT 1 FROM conversations_delivery e"
        "  WHERE e.conversation_id = d.conversation_id AND e.id < d.id"
        "  AND e.state IN ('waiting', 'claimed', 'sending'))"
        f" ORDER BY d.due_at LIMIT %s {store.skip_locked()}) RETURNING id",
        [worker, timezone.now(), most],
    )
    if not rows:
        return []
    deliveries = Delivery.objects.select_related("conversation", "message").filter(
        pk__in=[row["id"] for row in rows]
    )
    return _claimed(deliveries, worker)


def start_first(
    deliveries: Sequence[Delivery], worker: int, busy: Iterable[int]
) -> list[Delivery]:
    """Start, before they are stored, the parts that may leave first; returns those.

    For a worker whose own loop sends them at once: it saves two ways through the
    database. `busy` are conversations in which earlier parts have not left; the caller
    holds the locks of all, so that its commit is the fence as well.
    """
    loop = work.current()
    if loop is None or loop.worker != worker:
        return []
    seen = set(busy)
    first = []
    for each in deliveries:
        if each.conversation_id not in seen:
            seen.add(each.conversation_id)
            each.state, each.worker, each.attempts = Delivery.State.SENDING, worker, 1
            first.append(each)
    return first


def send_started(deliveries: Sequence[Delivery], worker: int) -> None:
    """Have this process's loop send what `start_first` started and was committed."""
    loop = work.current()
    if loop is not None and deliveries:
        until = time.monotonic() + FRESH_S
        loop.give(DeliverStep.name, _claimed(deliveries, worker, until))


def _claimed(
    deliveries: Iterable[Delivery], worker: int, fresh_until: float = 0.0
) -> list[Claimed]:
    rows = list(deliveries)
    adapters = cache.of(each.conversation.channel_id for each in rows)
    contexts = handover.contexts(rows)
    return [
        Claimed(
            id=each.pk,
            worker=worker,
            attempts=each.attempts,
            must_look=each.must_look,
            adapter=adapters[each.conversation.channel_id],
            outbound=outbound_of(
                each,
                adapters[each.conversation.channel_id],
                contexts.get(each.pk, {}),
            ),
            thread=each.conversation.external_id,
            is_assistants=each.epoch is not None and each.kind == Delivery.Kind.TEXT,
            fresh_until=fresh_until,
        )
        for each in rows
    ]


def _gives_to_assistant(inbound: Inbound) -> bool:
    return (
        isinstance(inbound, InboundTurnover)
        and inbound.turnover is Turnover.TO_ASSISTANT
    )


@transaction.atomic
def heed(claimed: Claimed, news: Sequence[Inbound]) -> bool:
    """Take in what people did at the provider; says whether words may leave after it."""
    said = intake.receive([(claimed.adapter.channel, each) for each in news])
    has_turned = any(isinstance(each, InboundTurnover) for each in news)
    if not has_turned and not any(each.is_new for each in said):
        return True  # all of it is known; the fence knows whose it is
    rows = Delivery.objects.filter(pk=claimed.id)
    rows.filter(worker=claimed.worker).update(
        state=Delivery.State.WITHHELD, worker=None
    )
    Message.objects.filter(deliveries__in=rows).update(
        state=Message.State.WITHHELD, reason="person_acted"
    )
    return False


def start(
    keys: list[int], worker: int, state: Delivery.State = Delivery.State.CLAIMED
) -> set[int]:
    """The fence: those parts that may leave now; the others are withheld.

    The last thing before the network. Whoever takes a conversation over locks its
    row first, so a part is either sent before that or not at all. A part starts once;
    `state` is `sending` for those that started when they were committed.
    """
    marks = store.placeholders(keys)
    # A lock that waits for a handoff under way, and reads the epoch it leaves behind.
    lock = "FOR SHARE" if store.is_postgresql() else ""
    rows = store.fetch(
        "WITH c AS (SELECT id AS conversation, epoch AS now"
        " FROM conversations_conversation WHERE id IN ("
        f"  SELECT conversation_id FROM conversations_delivery WHERE id IN ({marks}))"
        f" ORDER BY id {lock})"
        " UPDATE conversations_delivery AS t SET state = CASE"
        " WHEN t.epoch IS NULL OR t.epoch = c.now THEN 'sending' ELSE 'withheld' END"
        " FROM c WHERE t.conversation_id = c.conversation"
        f" AND t.worker = %s AND t.state = %s AND t.id IN ({marks})"
        " RETURNING id, state, message_id",
        [*keys, worker, state, *keys],
    )
    withheld = [row["message_id"] for row in rows if row["state"] == "withheld"]
    if withheld:
        Message.objects.filter(pk__in=withheld).update(
            state=Message.State.WITHHELD, reason="person_acted"
        )
    return {row["id"] for row in rows if row["state"] == "sending"}


def recover(worker: int) -> int:
    """Take up what dead workers held; returns how many parts that were."""
    rows = store.fetch(
        "SELECT DISTINCT worker FROM conversations_delivery"
        " WHERE worker IS NOT NULL AND worker <> %s AND state IN ('claimed', 'sending')",
        [worker],
    )
    gone = lease.dead(row["worker"] for row in rows)
    return sum(give_back(each) for each in gone)


def held(worker: int) -> set[int]:
    """The parts that are a worker's to send."""
    rows = Delivery.objects.filter(worker=worker, state__in=_HELD)
    return set(rows.values_list("pk", flat=True))


def give_back(worker: int, keys: Collection[int] | None = None) -> int:
    """Have a worker's parts, or those of them, sent again; returns how many."""
    rows = Delivery.objects.filter(worker=worker, state__in=_HELD)
    if keys is not None:
        rows = rows.filter(pk__in=keys)
    state = Delivery.State
    # What had started may have arrived; what had not is as good as new.
    return rows.update(
        must_look=Case(When(state=state.SENDING, then=True), default=F("must_look")),
        state=state.WAITING,
        worker=None,
    )


_HELD: Final = (Delivery.State.CLAIMED, Delivery.State.SENDING)
