"""How many calls a provider still takes, as it says in its answers."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds over which providers count calls.
WINDOW_S = 60.0
_MOST = 1000


class Limiter:
    """Holds calls back that would be refused, because refused calls count too."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._left: int | None = None
        self._renewed_at = 0.0

    def take(self) -> float:
        """Take one call; returns 0, or the seconds for which none may be made."""
        with self._lock:
            now = self._clock()
            if now >= self._renewed_at:
                self._left = None
            if self._left is None:
                return 0.0
            if self._left <= 0:
                return self._renewed_at - now
            self._left -= 1
            return 0.0

    def learn(self, left: int) -> None:
        """An answer said how many calls are left."""
        with self._lock:
            if self._left is None:
                # The provider's own window began before, so ours never ends too early.
                self._renewed_at = self._clock() + WINDOW_S
                self._left = left
            # Answers overtake each other, and calls are on their way.
            self._left = min(self._left, left)

    def stop(self, seconds: float | None) -> None:
        """An answer said that there were too many, and for how long."""
        with self._lock:
            self._left = 0
            wait = WINDOW_S if seconds is None else seconds
            self._renewed_at = self._clock() + wait


_limiters: dict[tuple[str, str], Limiter] = {}


def limiter_of(address: str, key: str) -> Limiter:
    """This process's limiter for an address, as used with one key.

    By key as well: who knows no more than the address slows nobody down.
    """
    if len(_limiters) >= _MOST:
        _limiters.clear()
    return _limiters.setdefault((address, key), Limiter())


def clear() -> None:
    """Forget everything, for tests."""
    _limiters.clear()
