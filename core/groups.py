"""Group commit: what waits at one moment goes to the database together."""

from __future__ import annotations

import asyncio
import functools
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

T = TypeVar("T")
R = TypeVar("R")

#: Seconds for which a thread takes batch after batch before others have it.
_TURN_S: Final = 0.1


class _Group(Generic[T, R]):
    """Items that wait for a flush, and who waits for each.

    A flush starts at once when none runs, so a lonely item never waits for company.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def add(self, item: T) -> R:
        """The item's result, once the flush that held it has committed."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        """Flush until nobody waits."""
        raise NotImplementedError

    def _take(self) -> list[tuple[T, asyncio.Future[R]]]:
        count = min(len(self._waiting), self._most)
        return [self._waiting.popleft() for _ in range(count)]


class GroupCommit(_Group[T, R]):
    """Hands all that wait at one moment to one flush."""

    def __init__(
        self, flush: Callable[[list[T]], Awaitable[Sequence[R]]], *, most: int = 500
    ) -> None:
        super().__init__(most)
        self._flush = flush

    async def _run(self) -> None:
        while self._waiting:
            batch = self._take()
            try:
                results = await self._flush([item for item, _ in batch])
            except BaseException as exc:  # noqa: BLE001 (each waiting caller gets it)
                _fail(batch, exc)
                if isinstance(exc, asyncio.CancelledError):
                    raise
            else:
                _give(batch, results)


class ThreadedCommit(_Group[T, R]):
    """The same in a thread, one flush after the other, without a look at the loop.

    Where many come at one moment, the loop greets all of them before it goes on with
    those whose flush has ended.
    """

    def __init__(
        self,
        flush: Callable[[list[T]], Sequence[R]],
        in_thread: Callable[[Callable[[], None]], Awaitable[Any]],
        *,
        most: int = 500,
    ) -> None:
        super().__init__(most)
        self._flush = flush
        self._in_thread = in_thread
        self._in_hand: list[tuple[T, asyncio.Future[R]]] = []

    async def _run(self) -> None:
        flushes = functools.partial(self._flush_all, asyncio.get_running_loop())
        while self._waiting:
            self._in_hand = self._take()
            try:
                await self._in_thread(flushes)
            except BaseException as exc:  # noqa: BLE001 (each waiting caller gets it)
                _fail(self._in_hand, exc)
                if isinstance(exc, asyncio.CancelledError):
                    raise

    def _flush_all(self, loop: asyncio.AbstractEventLoop) -> None:
        until = time.monotonic() + _TURN_S
        while batch := self._in_hand:
            results = self._flush([item for item, _ in batch])
            loop.call_soon_threadsafe(_give, batch, results)
            self._in_hand = self._take() if time.monotonic() < until else []


def _give(batch: Sequence[tuple[T, asyncio.Future[R]]], results: Sequence[R]) -> None:
    for (_, future), result in zip(batch, results, strict=True):
        if not future.done():
            future.set_result(result)


def _fail(batch: Sequence[tuple[T, asyncio.Future[R]]], exc: BaseException) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(exc)
