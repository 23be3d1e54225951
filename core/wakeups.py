"""Wake-ups between processes: a short list in Redis, popped by one worker that rests.

They go past Celery, whose way of carrying a task cost more than the search for an
answer (`docs/decisions/031`). A wake-up is a hint: who misses it looks at the rows half a
second later, so nothing here is kept, acknowledged or tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from typing import TYPE_CHECKING, Final

import redis
import redis.asyncio
from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

logger = logging.getLogger(__name__)

_KEY: Final = "answerdesk.wake"
#: Wake-ups that are kept while no worker listens, and that a worker takes at once.
_MOST: Final = 64
#: Longest rest of the thread that publishes, in seconds.
_REST_S: Final = 0.05
#: Seconds for which a worker waits in one call, and after which a silent line is cut.
_LISTEN_S: Final = 30
_SILENCE_S: Final = 40


class Announcer:
    """Publishes wake-ups from a thread, many at once as one."""

    def __init__(self, publish: Callable[[Collection[str]], None]) -> None:
        self._publish = publish
        self._steps: set[str] = set()
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None

    def announce(self, step: str) -> None:
        """Tell one worker that this step has work; never fails, never blocks."""
        with self._condition:
            self._steps.add(step)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._run, name="announcer", daemon=True
                )
                self._thread.start()
            self._condition.notify()

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._steps:
                    self._condition.wait()
                steps, self._steps = self._steps, set()
            began = time.monotonic()
            try:
                self._publish(steps)
            except Exception:
                # Redis is down: the worker's own sweep finds the rows.
                logger.exception("Wake-ups for %s could not be published", steps)
            # A fifth of the time at most; what comes meanwhile shares the next one.
            time.sleep(min(4 * (time.monotonic() - began), _REST_S))


class _Publisher:
    """Puts wake-ups on the list, over one kept connection."""

    def __init__(self) -> None:
        self._client: redis.Redis | None = None

    def __call__(self, steps: Collection[str]) -> None:
        if self._client is None:
            self._client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2)
        pipeline = self._client.pipeline(transaction=False)
        pipeline.rpush(_KEY, *steps)
        pipeline.ltrim(_KEY, -_MOST, -1)
        pipeline.execute()


_announcer = Announcer(_Publisher())


def announce(step: str) -> None:
    """Tell one worker of another process that this step has work."""
    _announcer.announce(step)


async def hear(wake: Callable[[str], None]) -> None:
    """Call `wake` for each step that others announce, until cancelled."""
    task = asyncio.current_task()
    pause = 0.1
    # Redis's client sometimes makes an error, or nothing, out of a cancellation.
    while task is not None and not task.cancelling():
        client = redis.asyncio.Redis.from_url(
            settings.REDIS_URL, socket_timeout=_SILENCE_S, decode_responses=True
        )
        try:
            while not task.cancelling():
                found = await client.blmpop(
                    _LISTEN_S, 1, _KEY, direction="LEFT", count=_MOST
                )
                pause = 0.1
                for step in set(map(str, found[1])) if found else ():
                    wake(step)
        except (redis.RedisError, OSError):
            logger.warning("Wake-ups are cut off from Redis; trying again")
        finally:
            with contextlib.suppress(redis.RedisError, OSError):
                await client.aclose()
        await asyncio.sleep(pause)
        pause = min(pause * 2, 5.0)
