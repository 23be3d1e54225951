"""A circuit breaker: who keeps failing is left alone for a while."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.exceptions import TemporaryProviderError

if TYPE_CHECKING:
    from core.exceptions import ProviderError

#: Temporary errors in a row that open the breaker, and for how long.
_FAILURES_ALLOWED: Final = 3
_PAUSE_S: Final = 30.0
#: No key, no money: a person has to act first.
_LONG_PAUSE_S: Final = 600.0
_NEEDS_A_PERSON: Final = frozenset({"insufficient_quota", "api_key_invalid"})
#: Who asks us to stay away for longer than this is left alone by all calls.
_LONGEST_WAIT_S: Final = 5.0


@dataclass(slots=True)
class Breaker:
    """Whether a provider is worth asking.

    Open until `open_until`, then half-open: one call is let through, and its outcome
    closes or reopens the breaker.
    """

    failures: int = 0
    open_until: float = 0.0
    #: Whether the one call of the half-open state is under way.
    is_probing: bool = False
    #: Code of the error that opened it.
    reason: str = ""

    def admits(self) -> bool:
        """Whether a call may be made now; in the half-open state, the first asker."""
        if not self.open_until:
            return True
        if self.is_probing or time.monotonic() < self.open_until:
            return False
        self.is_probing = True
        return True

    def succeeded(self) -> None:
        """Close."""
        self.failures, self.open_until, self.is_probing = 0, 0.0, False
        self.reason = ""

    def failed(self, error: ProviderError) -> None:
        """Count an error; open when it is one too many or needs a person."""
        was_probing, self.is_probing = self.is_probing, False
        if error.status in {401, 402, 403} or error.code in _NEEDS_A_PERSON:
            self._open(_LONG_PAUSE_S, error)
        elif isinstance(error, TemporaryProviderError):
            self.failures += 1
            wait_s = min(error.retry_after or 0.0, _LONG_PAUSE_S)
            if was_probing or self.failures >= _FAILURES_ALLOWED:
                self._open(max(_PAUSE_S, wait_s), error)
            elif wait_s > _LONGEST_WAIT_S:
                self._open(wait_s, error)

    def released(self) -> None:
        """A call ended without telling anything, such as by cancellation."""
        self.is_probing = False

    def _open(self, pause_s: float, error: ProviderError) -> None:
        self.open_until = time.monotonic() + pause_s
        self.reason = error.code
