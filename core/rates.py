"""Rates: how many calls in how many seconds, counted for all processes together.

A call counts for exactly the length of a window. With Redis its clock and one script
decide; without, this process is all there is. While Redis is away each process counts
for itself, which lets through more calls and never fewer.
"""

from __future__ import annotations

import logging
import re
import secrets
import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import redis
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger(__name__)

_UNITS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_RATE: Final = re.compile(rf"([1-9][0-9]{{0,6}})/({'|'.join(_UNITS)})")
#: Buckets that one process remembers; the longest unused goes first.
_MOST_BUCKETS: Final = 50_000
#: Seconds that a call waits for Redis, and for which a failed one is left alone.
_TIMEOUT_S: Final = 0.5
_PAUSE_S: Final = 5.0
_PREFIX: Final = "answerdesk.rate."


@dataclass(frozen=True, slots=True)
class Rate:
    """So many calls in so many seconds."""

    count: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is counted under one name, and how much of it is let through."""

    name: str
    rates: tuple[Rate, ...]


def parse(text: str) -> tuple[Rate, ...]:
    """The rates of a text such as `10/minute,60/hour`; none for `off`.

    Raises `ValueError`.
    """
    if text.strip().lower() == "off":
        return ()
    found = [_RATE.fullmatch(part.strip()) for part in text.lower().split(",")]
    if None in found:
        raise ValueError(f"“{text}” is not a rate such as 60/hour")
    return tuple(Rate(int(each[1]), _UNITS[each[2]]) for each in found if each)


def validate(text: str) -> None:
    """The validator of a field that holds rates."""
    try:
        parse(text)
    except ValueError as exc:
        raise ValidationError(
            _("Write rates as in “10/minute,60/hour”, or “off”.")
        ) from exc


def take(buckets: Sequence[Bucket]) -> float:
    """Count one call in all these buckets, if there is room in each.

    Returns 0, or the seconds until there will be room; then nothing was counted.
    """
    counted = [each for each in buckets if each.rates]
    if not counted:
        return 0.0
    if settings.REDIS_URL and time.monotonic() >= _redis.away_until:
        try:
            return _redis.take(counted)
        except redis.RedisError as exc:
            _redis.away_until = time.monotonic() + _PAUSE_S
            logger.warning("Rates are counted without Redis: %s", exc)
    return memory.take(counted)


class Memory:
    """The calls of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: OrderedDict[str, deque[float]] = OrderedDict()

    def take(self, buckets: Sequence[Bucket]) -> float:
        """As the function of this name."""
        with self._lock:
            now = time.monotonic()
            wait = max(self._wait(each, now) for each in buckets)
            if wait > 0:
                return wait
            for each in buckets:
                self._count(each, now)
            return 0.0

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._calls.clear()

    def _wait(self, bucket: Bucket, now: float) -> float:
        """Until the call leaves its window that has to before another fits in."""
        calls = self._calls.get(bucket.name, ())
        leaving = (
            calls[-rate.count] + rate.seconds - now
            for rate in bucket.rates
            if len(calls) >= rate.count
        )
        return max(leaving, default=0.0)

    def _count(self, bucket: Bucket, now: float) -> None:
        most = max(rate.count for rate in bucket.rates)
        calls = deque(self._calls.pop(bucket.name, ()), maxlen=most)
        calls.append(now)
        self._calls[bucket.name] = calls
        while len(self._calls) > _MOST_BUCKETS:
            self._calls.popitem(last=False)


memory = Memory()

#: KEYS: the calls of each bucket. ARGV: a name for this call, then for each bucket how
#: many rates it has, and the count and seconds of each. Answers in microseconds.
_SCRIPT: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local wait, at, buckets = 0, 2, {}
for i, key in ipairs(KEYS) do
  local longest, most = 0, 0
  local rates = tonumber(ARGV[at])
  for n = 1, rates do
    local count, span = tonumber(ARGV[at + 2 * n - 1]), ARGV[at + 2 * n] * 1000000
    local leaving = redis.call('ZRANGE', key, -count, -count, 'WITHSCORES')
    if leaving[2] then wait = math.max(wait, leaving[2] + span - now) end
    longest, most = math.max(longest, span), math.max(most, count)
  end
  at = at + 1 + 2 * rates
  buckets[i] = {longest, most}
end
if wait > 0 then return wait end
for i, key in ipairs(KEYS) do
  redis.call('ZADD', key, now, ARGV[1])
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - buckets[i][1])
  redis.call('ZREMRANGEBYRANK', key, 0, -buckets[i][2] - 1)
  redis.call('PEXPIRE', key, buckets[i][1] / 1000)
end
return 0
"""


class _Redis:
    """The calls of all processes."""

    def __init__(self) -> None:
        #: Monotonic time before which Redis is not asked.
        self.away_until = 0.0
        self._script: Any = None

    def take(self, buckets: Sequence[Bucket]) -> float:
        if self._script is None:
            client = redis.Redis.from_url(
                settings.REDIS_URL,
                socket_timeout=_TIMEOUT_S,
                socket_connect_timeout=_TIMEOUT_S,
            )
            self._script = client.register_script(_SCRIPT)
        words: list[str | int] = [secrets.token_hex(8)]
        for each in buckets:
            words.append(len(each.rates))
            words += [
                word for rate in each.rates for word in (rate.count, rate.seconds)
            ]
        wait = self._script(keys=[_PREFIX + each.name for each in buckets], args=words)
        return int(wait) / 1_000_000


_redis = _Redis()
