"""The loop on which a worker process does its work, step by step.

A step works off rows that wait in the database: webhook events, turns, deliveries. It
is woken when somebody has stored such a row, and looks by itself twice a second, so a
lost wake-up costs half a second and never a message.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar

import uvloop
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from core import store, wakeups
from core.lease import Lease

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

#: Seconds between two looks for work that nobody announced, and for dead workers.
SWEEP_S = 0.5
#: Seconds after which a task that has not ended is cancelled again.
_INSIST_S = 0.2
#: Seconds that running work gets to finish when the process is asked to stop.
GRACE_S = 10.0


class Step:
    """One kind of work. Subclasses say how it is found and done."""

    name: ClassVar[str]

    def __init__(self, loop: WorkLoop) -> None:
        self.loop = loop

    async def run(self) -> float | None:
        """Work off what waits; return the seconds until more is due, if known."""
        raise NotImplementedError

    def take(self, items: Sequence[Any]) -> None:
        """Begin with work that another step has already claimed for this worker."""
        raise NotImplementedError

    def recover(self) -> None:
        """Give back what dead workers held. Runs in a thread, twice a second."""

    async def finish(self) -> None:
        """Let running work come to its end; it is cancelled after `GRACE_S`."""


#: Steps of this installation, in the order in which a message meets them.
REGISTRY: list[type[Step]] = []


def register(step: type[Step]) -> type[Step]:
    """Class decorator: the worker's loop runs this step."""
    if step not in REGISTRY:
        REGISTRY.append(step)
    return step


class WorkLoop:
    """Runs all steps on one asyncio loop in a thread of its own."""

    def __init__(self) -> None:
        self.lease = Lease()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._events: dict[str, asyncio.Event] = {}
        self._steps: dict[str, Step] = {}
        self._started = threading.Event()
        self._stopping: asyncio.Event | None = None
        # SQLite has one writer; more threads would only wait for each other.
        self._thread_count = 4 if store.is_postgresql() else 1
        self._threads = ThreadPoolExecutor(
            self._thread_count, thread_name_prefix="work-db"
        )

    @property
    def worker(self) -> int:
        """This process's number on the rows that it has claimed."""
        return self.lease.worker

    def start(self) -> None:
        """Start the thread and return when the steps run."""
        self._thread = threading.Thread(target=self._main, name="work", daemon=True)
        self._thread.start()
        self._started.wait(timeout=30)

    def wake(self, step: str) -> None:
        """Tell a step that there is work. May be called from any thread."""
        event, loop = self._events.get(step), self._loop
        if event is not None and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(event.set)

    def give(self, step: str, items: Sequence[Any]) -> None:
        """Hand claimed work to a step. May be called from any thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._steps[step].take, items)

    def stop(self) -> None:
        """Finish running work, within `GRACE_S`, and end the thread."""
        loop, stopping = self._loop, self._stopping
        if loop is not None and stopping is not None and not loop.is_closed():
            loop.call_soon_threadsafe(stopping.set)
        if self._thread is not None:
            self._thread.join(timeout=GRACE_S + 5)

    @property
    def is_running(self) -> bool:
        """Whether the thread lives."""
        return self._thread is not None and self._thread.is_alive()

    async def db(
        self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Call something that uses the database, in a thread with its connection."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._threads, lambda: _with_connection(function, *args, **kwargs)
        )

    def _main(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        await self._hold_lease()
        steps = [step(self) for step in REGISTRY]
        self._steps = {step.name: step for step in steps}
        self._events = {step.name: asyncio.Event() for step in steps}
        tasks = [asyncio.create_task(self._pump(step)) for step in steps]
        tasks.append(asyncio.create_task(self._sweep(steps)))
        if settings.REDIS_URL:
            tasks.append(asyncio.create_task(wakeups.hear(self.wake)))
        self._started.set()
        await self._stopping.wait()
        await _cancel(tasks)
        async with asyncio.timeout(GRACE_S + 1):
            await asyncio.gather(*(step.finish() for step in steps))
        await self.db(self.lease.release)
        await self._close_connections()
        self._threads.shutdown(wait=True)

    async def _close_connections(self) -> None:
        # Each thread closes its own: none gets a second turn before all had one.
        turnstile = threading.Barrier(self._thread_count)

        def close() -> None:
            turnstile.wait()
            connection.close()

        await asyncio.gather(*(self.db(close) for _ in range(self._thread_count)))

    async def _hold_lease(self) -> None:
        while True:
            try:
                await self.db(self.lease.hold)
            except (DatabaseError, OSError, RuntimeError):
                logger.exception("No sign of life could be shown; trying again")
                await asyncio.sleep(1)
            else:
                return

    async def _pump(self, step: Step) -> None:
        event = self._events[step.name]
        while True:
            event.clear()
            try:
                pause = await step.run()
            except (DatabaseError, InterfaceError):
                logger.exception("Step %s could not reach the database", step.name)
                pause = 1.0
            except Exception:
                # The outermost edge of the worker: the rows keep waiting.
                logger.exception("Step %s failed", step.name)
                pause = 1.0
            timeout = SWEEP_S if pause is None else min(max(pause, 0.001), SWEEP_S)
            try:
                async with asyncio.timeout(timeout):
                    await event.wait()
            except TimeoutError:
                continue

    async def _sweep(self, steps: list[Step]) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            await self._hold_lease()
            for step in steps:
                try:
                    await self.db(step.recover)
                except DatabaseError:
                    logger.exception("Step %s could not recover", step.name)


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel tasks until they have ended: Redis's client may swallow a cancellation."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_INSIST_S)
    await asyncio.gather(*tasks, return_exceptions=True)


def _with_connection(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    try:
        return function(*args, **kwargs)
    except (OperationalError, InterfaceError):
        # The next call starts with a new connection.
        if not connection.in_atomic_block:
            connection.close()
        raise


_current: WorkLoop | None = None


def start() -> WorkLoop:
    """Start this process's loop, once."""
    global _current
    if _current is None or not _current.is_running:
        _current = WorkLoop()
        _current.start()
    return _current


def stop() -> None:
    """Stop this process's loop, if it has one."""
    global _current
    if _current is not None:
        _current.stop()
        _current = None


def current() -> WorkLoop | None:
    """This process's loop, if it has one."""
    return _current


def wake(step: str) -> None:
    """Tell whoever does this step that there is work; never fails, never blocks.

    A process beside the embedded service (a command) has nobody to tell: the service
    looks by itself within `SWEEP_S`.
    """
    if _current is not None:
        _current.wake(step)
    elif settings.REDIS_URL:
        wakeups.announce(step)
