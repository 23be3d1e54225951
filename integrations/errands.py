"""Errands: what has to leave this house once. The rows are the queue.

An errand is claimed, and its state stored, before anything leaves; so there is never a
second attempt at the same time. After an attempt that may have arrived we look before we
repeat, and what cannot be looked for is not repeated at all.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import random
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec

from django.db import DatabaseError, InterfaceError, models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from core import lease, store, work
from core.exceptions import (
    PermanentProviderError,
    ProviderError,
    UncertainProviderError,
)
from core.models import UUIDModel
from core.text import clean_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

logger = logging.getLogger(__name__)

P = ParamSpec("P")

#: Attempts after which an errand has failed.
MOST_ATTEMPTS = 8
#: Seconds until an attempt that may have arrived is looked for.
LOOK_AFTER_S = 15.0
LONGEST_PAUSE_S = 300.0
#: Errands of one kind that a worker runs at the same time.
CONCURRENCY = 20


class Errand(UUIDModel):
    """Something that has to leave this house once."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        #: It left, but whether it arrived cannot be found out; never repeated.
        UNCERTAIN = "uncertain", _("Uncertain")

    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    state = models.CharField(
        _("state"), max_length=10, choices=State.choices, default=State.WAITING
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    #: Not before this time.
    due_at = models.DateTimeField(default=timezone.now)
    worker = models.BigIntegerField(null=True, blank=True)
    #: An attempt may have arrived: look before trying again.
    must_look = models.BooleanField(default=False)
    #: Why it failed, in the words of whoever refused it.
    error = models.CharField(_("error"), max_length=500, blank=True)

    class Meta:
        abstract = True
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(state="waiting"),
                name="%(class)s_due",
            ),
            models.Index(
                fields=["worker"],
                condition=models.Q(worker__isnull=False),
                name="%(class)s_running",
            ),
        ]

    @property
    def has_trouble(self) -> bool:
        """Whether somebody should look at it."""
        return self.state in (self.State.FAILED, self.State.UNCERTAIN)

    @property
    def is_under_way(self) -> bool:
        """Whether it is still being tried."""
        return self.state in (self.State.WAITING, self.State.RUNNING)


class ErrandStep(work.Step):
    """Runs the errands of one kind. Subclasses say how one is done."""

    model: ClassVar[type[Errand]]
    #: What an attempt reads of its row beside its own columns.
    related: ClassVar[tuple[str, ...]] = ()
    #: Whether `attempt` looks for what an earlier one may have done.
    can_look: ClassVar[bool] = False

    def __init__(self, loop: work.WorkLoop) -> None:
        super().__init__(loop)
        #: Errands that were begun and are not recorded yet, by number.
        self._running: dict[int, asyncio.Task[None]] = {}

    async def attempt(self, row: Any) -> dict[str, Any]:
        """Do it once; returns columns to store with it. Raises `ProviderError`."""
        raise NotImplementedError

    def settled(self, row: Any) -> None:
        """What follows once its new state is stored, in the same transaction."""

    def hold(self, row: Any) -> None:
        """Take the locks that `settled` needs, before the row itself is touched."""

    async def run(self) -> float | None:
        room = CONCURRENCY - len(self._running)
        if room > 0:
            for row in await self.loop.db(self._claim, room, [*self._running]):
                self._running[row.pk] = asyncio.create_task(self._do(row))
        return None

    async def finish(self) -> None:
        if self._running:
            await asyncio.wait(self._running.values(), timeout=work.GRACE_S)

    def recover(self) -> None:
        """Take up what dead workers had begun; it may have arrived."""
        rows = self.model._default_manager.filter(state=Errand.State.RUNNING)
        held = rows.exclude(worker=self.loop.worker).values_list("worker", flat=True)
        gone = lease.dead(each for each in held.distinct() if each is not None)
        if gone:
            state = Errand.State.WAITING if self.can_look else Errand.State.UNCERTAIN
            rows.filter(worker__in=gone).update(
                state=state, must_look=True, worker=None
            )
            self.loop.wake(self.name)

    def _claim(self, most: int, running: Sequence[int]) -> Sequence[Errand]:
        worker = self.loop.worker
        rows = self.model._default_manager.exclude(pk__in=running)
        due = rows.filter(state=Errand.State.WAITING, due_at__lte=timezone.now())
        # Asked twice a second: a look does not wait for SQLite's one writer.
        if due.exists():
            table = self.model._meta.db_table
            are_running, keys = store.any_of(running)
            store.execute(
                f"UPDATE {table} SET state = 'running', worker = %s,"
                f" attempts = attempts + 1 WHERE id IN (SELECT id FROM {table}"
                " WHERE state = 'waiting' AND due_at <= %s"
                # What we still record may be stored, and waiting, without our knowing.
                f" AND NOT id {are_running}"
                f" ORDER BY due_at LIMIT %s {store.skip_locked()})",
                [worker, timezone.now(), *keys, most],
            )
        # With those that we claimed before and did not hear of, because the connection
        # broke: whatever is ours and does not run has never been begun.
        ours = rows.filter(worker=worker, state=Errand.State.RUNNING)
        return list(ours.select_related(*self.related)[:most])

    async def _do(self, row: Errand) -> None:
        try:
            done = {"state": Errand.State.DONE, "error": "", "must_look": False}
            outcome = {**done, **await self.attempt(row)}
        except ProviderError as exc:
            outcome = after_failure(row, exc, can_look=self.can_look)
        except (DatabaseError, InterfaceError):
            logger.exception("Errand %s could not be begun", row.uuid)
            outcome = {"state": Errand.State.WAITING, "due_at": _in(1.0)}
        except Exception as exc:
            # A bug of ours: shown, and tried again after the fix.
            logger.exception("Errand %s broke", row.uuid)
            error = clean_text(repr(exc))[:500]
            outcome = {"state": Errand.State.FAILED, "error": error, "must_look": True}
        await self.insist(row, self._store, row, outcome)
        del self._running[row.pk]
        self.loop.wake(self.name)

    async def insist(
        self,
        row: Errand,
        function: Callable[P, None],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Store what was done, however often it takes.

        It must be known before anything else happens to the errand; if this process
        ends first, its lease says so.
        """
        while True:
            try:
                await self.loop.db(function, *args, **kwargs)
            except Exception:
                # The outermost edge.
                logger.exception("Errand %s could not be recorded", row.uuid)
                await asyncio.sleep(1)
            else:
                return

    def _store(self, row: Errand, outcome: dict[str, Any]) -> None:
        with transaction.atomic():
            self.hold(row)
            rows = self.model._default_manager.filter(pk=row.pk)
            if outcome["state"] != Errand.State.DONE:
                # What was done counts whoever did it, anything else only as long as
                # the errand is still this worker's.
                rows = rows.filter(worker=row.worker, state=Errand.State.RUNNING)
            if rows.update(worker=None, **outcome):
                # Not the row at hand: it says whose it was, should this be done again.
                self.settled(self.model._default_manager.get(pk=row.pk))


def after_failure(row: Errand, exc: ProviderError, *, can_look: bool) -> dict[str, Any]:
    """What follows from an attempt that failed, as columns to store."""
    state = Errand.State
    # A server that broke may have broken after it acted.
    is_unsure = isinstance(exc, UncertainProviderError) or (exc.status or 0) >= 500
    found: dict[str, Any] = {
        "error": clean_text(str(exc))[:500],
        "must_look": row.must_look or (is_unsure and can_look),
    }
    if isinstance(exc, UncertainProviderError) and not can_look:
        return {**found, "state": state.UNCERTAIN}
    # To be told when to come back is no failure.
    attempts = row.attempts - (exc.retry_after is not None)
    if isinstance(exc, PermanentProviderError) or attempts >= MOST_ATTEMPTS:
        return {**found, "state": state.FAILED}
    pause = exc.retry_after
    if pause is None:
        pause = min(2.0**row.attempts, LONGEST_PAUSE_S) * random.uniform(0.5, 1.0)  # noqa: S311
        pause = max(pause, LOOK_AFTER_S) if is_unsure and can_look else pause
    return {
        **found,
        "state": state.WAITING,
        "attempts": attempts,
        "due_at": _in(min(pause, LONGEST_PAUSE_S)),
    }


def send_again(rows: models.QuerySet[Any], step: str) -> int:
    """Have errands that failed tried once more; returns how many."""
    troubled = rows.filter(state__in=[Errand.State.FAILED, Errand.State.UNCERTAIN])
    count = troubled.update(
        state=Errand.State.WAITING, attempts=0, error="", due_at=timezone.now()
    )
    transaction.on_commit(lambda: work.wake(step))
    return count


def _in(seconds: float) -> dt.datetime:
    return timezone.now() + dt.timedelta(seconds=seconds)
