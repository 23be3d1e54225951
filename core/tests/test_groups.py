"""Group commit, on the loop and in a thread."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from core import groups

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Flushes:
    """A flush that keeps what it got and takes a moment."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    async def __call__(self, items: list[int]) -> Sequence[int]:
        self.batches.append(items)
        await asyncio.sleep(0.001)
        if -1 in items:
            raise ValueError("minus one")
        return [item * 10 for item in items]


def test_a_lonely_item_is_flushed_at_once() -> None:
    flushes = Flushes()

    async def run() -> int:
        return await groups.GroupCommit(flushes).add(7)

    assert asyncio.run(run()) == 70
    assert flushes.batches == [[7]]


def test_items_that_wait_together_share_a_flush_and_each_gets_its_own_result() -> None:
    flushes = Flushes()

    async def run() -> list[int]:
        group = groups.GroupCommit(flushes, most=4)
        return await asyncio.gather(*(group.add(number) for number in range(10)))

    assert asyncio.run(run()) == [number * 10 for number in range(10)]
    assert flushes.batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_a_failed_flush_fails_its_own_items_only() -> None:
    flushes = Flushes()

    async def run() -> list[Any]:
        group = groups.GroupCommit(flushes, most=2)
        items = [group.add(number) for number in (1, -1, 3, 4)]
        return await asyncio.gather(*items, return_exceptions=True)

    first, second, *others = asyncio.run(run())
    assert isinstance(first, ValueError)
    assert isinstance(second, ValueError)
    assert others == [30, 40]


def test_who_goes_away_takes_nobody_along() -> None:
    flushes = Flushes()

    async def run() -> tuple[int, bool]:
        group = groups.GroupCommit(flushes)
        gone = asyncio.create_task(group.add(1))
        stays = asyncio.create_task(group.add(2))
        await asyncio.sleep(0)
        gone.cancel()
        return await stays, gone.cancelled() or gone.cancelling() > 0

    assert asyncio.run(run()) == (20, True)


def test_a_group_works_on_after_a_failure() -> None:
    flushes = Flushes()

    async def run() -> int:
        group = groups.GroupCommit(flushes)
        with pytest.raises(ValueError, match="minus"):
            await group.add(-1)
        return await group.add(5)

    assert asyncio.run(run()) == 50


class Thread:
    """A flush in a thread, which waits where it is told to."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.visits = 0
        self.may_flush = threading.Event()
        self.may_flush.set()

    def flush(self, items: list[int]) -> Sequence[int]:
        self.batches.append(items)
        assert self.may_flush.wait(5)
        if -1 in items:
            raise ValueError("minus one")
        return [item * 10 for item in items]

    async def visit(self, function: Callable[[], None]) -> None:
        self.visits += 1
        await asyncio.to_thread(function)

    def group(self, most: int = 500) -> groups.ThreadedCommit[int, int]:
        return groups.ThreadedCommit(self.flush, self.visit, most=most)


def test_a_thread_goes_on_without_the_loop() -> None:
    thread = Thread()
    thread.may_flush.clear()

    async def run() -> list[int]:
        group = thread.group(most=2)
        tasks = [asyncio.create_task(group.add(number)) for number in range(5)]
        await asyncio.sleep(0.01)
        thread.may_flush.set()
        # The loop sees to others meanwhile, and nobody waits for it.
        until = time.monotonic() + 5
        while len(thread.batches) < 3 and time.monotonic() < until:
            time.sleep(0.001)
        assert thread.batches == [[0, 1], [2, 3], [4]]
        return await asyncio.gather(*tasks)

    assert asyncio.run(run()) == [0, 10, 20, 30, 40]
    assert thread.visits == 1


def test_a_thread_lets_others_in_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "_TURN_S", 0.0)
    thread = Thread()

    async def run() -> list[int]:
        group = thread.group(most=2)
        return await asyncio.gather(*(group.add(number) for number in range(5)))

    assert asyncio.run(run()) == [0, 10, 20, 30, 40]
    assert thread.batches == [[0, 1], [2, 3], [4]]
    assert thread.visits == 3


def test_a_flush_that_failed_in_a_thread_fails_its_own_items_only() -> None:
    thread = Thread()

    async def run() -> list[Any]:
        group = thread.group(most=2)
        items = [group.add(number) for number in (1, 2, 3, -1, 5, 6)]
        return await asyncio.gather(*items, return_exceptions=True)

    first, second, third, fourth, *others = asyncio.run(run())
    assert (first, second) == (10, 20)
    assert isinstance(third, ValueError)
    assert isinstance(fourth, ValueError)
    assert others == [50, 60]


def test_who_gets_no_thread_is_told() -> None:
    async def refuse(_: Callable[[], None]) -> None:
        raise RuntimeError("no thread")

    async def run() -> int:
        group: groups.ThreadedCommit[int, int] = groups.ThreadedCommit(
            lambda items: items, refuse
        )
        return await group.add(1)

    with pytest.raises(RuntimeError, match="no thread"):
        asyncio.run(run())


def test_who_leaves_a_thread_takes_nobody_along() -> None:
    thread = Thread()
    thread.may_flush.clear()

    async def run() -> tuple[int, bool]:
        group = thread.group()
        gone = asyncio.create_task(group.add(1))
        stays = asyncio.create_task(group.add(2))
        await asyncio.sleep(0.01)
        gone.cancel()
        thread.may_flush.set()
        return await stays, gone.cancelled() or gone.cancelling() > 0

    assert asyncio.run(run()) == (20, True)
