"""The worker's loop: steps, wake-ups, sweeps, breakdowns, stopping."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any, ClassVar

import pytest
from django.db import OperationalError

from core import lease, store, tasks, work
from core.tests.network import eventually


class Counting(work.Step):
    """Counts its rounds; does as it is told in between."""

    name: ClassVar[str] = "counting"
    rounds: ClassVar[list[float]] = []
    recoveries: ClassVar[list[int]] = []
    errors: ClassVar[list[Exception]] = []
    finished: ClassVar[list[bool]] = []
    pause: ClassVar[float | None] = None

    async def run(self) -> float | None:
        Counting.rounds.append(time.monotonic())
        if Counting.errors:
            raise Counting.errors.pop()
        return Counting.pause

    def recover(self) -> None:
        Counting.recoveries.append(self.loop.worker)

    async def finish(self) -> None:
        await asyncio.sleep(0.01)
        Counting.finished.append(True)


@pytest.fixture
def loop(transactional_db: None, monkeypatch: Any) -> Any:
    """A loop that runs nothing but the counting step."""
    monkeypatch.setattr(work, "REGISTRY", [Counting])
    for kept in (
        Counting.rounds, Counting.recoveries, Counting.errors, Counting.finished,
    ):  # fmt: skip
        kept.clear()
    Counting.pause = None
    running = work.WorkLoop()
    running.start()
    yield running
    running.stop()


def test_a_wake_up_starts_a_round_at_once(loop: work.WorkLoop) -> None:
    eventually(lambda: Counting.rounds)
    before = len(Counting.rounds)
    started = time.monotonic()

    loop.wake("counting")

    eventually(lambda: len(Counting.rounds) > before)
    assert Counting.rounds[before] - started < work.SWEEP_S / 2


def test_without_a_wake_up_it_looks_by_itself(loop: work.WorkLoop) -> None:
    eventually(lambda: len(Counting.rounds) >= 3, timeout_s=4 * work.SWEEP_S)


def test_work_that_is_due_soon_is_not_slept_over(loop: work.WorkLoop) -> None:
    Counting.pause = 0.01
    loop.wake("counting")

    eventually(lambda: len(Counting.rounds) >= 10, timeout_s=2)


@pytest.mark.parametrize(
    "error", [OperationalError("gone"), RuntimeError("a bug")], ids=["database", "bug"]
)
def test_a_step_that_breaks_is_tried_again(
    loop: work.WorkLoop, error: Exception, caplog: Any
) -> None:
    Counting.errors.append(error)
    before = len(Counting.rounds)

    loop.wake("counting")

    eventually(lambda: len(Counting.rounds) >= before + 3)
    assert loop.is_running
    assert "counting" in caplog.text


def test_recovery_runs_twice_a_second_with_the_workers_number(
    loop: work.WorkLoop,
) -> None:
    eventually(lambda: len(Counting.recoveries) >= 2)

    assert set(Counting.recoveries) == {loop.worker}


def test_the_loop_holds_a_lease_while_it_runs_and_not_after(
    loop: work.WorkLoop,
) -> None:
    worker = loop.worker
    assert worker in lease.alive()

    loop.stop()

    assert lease.dead([worker]) == {worker}
    assert not loop.is_running


def test_stopping_lets_steps_finish(loop: work.WorkLoop) -> None:
    loop.stop()

    assert Counting.finished == [True]


def test_stopping_twice_and_waking_after_do_no_harm(loop: work.WorkLoop) -> None:
    # Right after its start: what is just connecting to Redis ends as well.
    loop.stop()
    assert not loop.is_running
    loop.stop()

    loop.wake("counting")
    loop.wake("unknown")


def test_database_calls_run_in_threads_of_their_own(loop: work.WorkLoop) -> None:
    async def call() -> str:
        return await loop.db(lambda: threading.current_thread().name)

    assert loop._loop is not None
    future = asyncio.run_coroutine_threadsafe(call(), loop._loop)
    assert future.result(5).startswith("work-db")


def test_a_wake_up_reaches_the_loop_of_this_process(engine: Any) -> None:
    assert work.current() is engine
    assert work.start() is engine

    work.wake("turns")
    tasks.sweep()


def test_without_a_broker_there_is_nobody_to_tell(settings: Any) -> None:
    settings.REDIS_URL = ""

    work.wake("receive")


def test_sqlite_has_one_writer(loop: work.WorkLoop) -> None:
    assert loop._thread_count == (4 if store.is_postgresql() else 1)
