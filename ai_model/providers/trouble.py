"""Which providers are known to be failing, told from process to process.

Each process finds out by its own calls, and mostly workers make them. What a breaker
knows is kept in the cache while it is open, for those who ask elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

import redis
from django.core.cache import cache

if TYPE_CHECKING:
    from core.breaker import Breaker

#: Seconds that an answer waits for others to be told.
_TIMEOUT_S: Final = 0.5
#: A provider's key, and its `credentials()`.
Name = tuple[str, str]

logger = logging.getLogger(__name__)


async def tell(name: Name, breaker: Breaker) -> None:
    """Let the other processes know what has become of a breaker."""
    left_s = max(0.0, breaker.open_until - time.monotonic())
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await asyncio.to_thread(cache.set, _key(name), breaker.reason, left_s)
    except (redis.RedisError, TimeoutError) as exc:
        logger.warning("Nobody was told how %s is: %s", name[0], exc)


def is_told(name: Name) -> bool:
    """Whether some process knows that calls of a provider fail now."""
    try:
        return cache.get(_key(name)) is not None
    except redis.RedisError as exc:
        logger.warning("Nobody could say how %s is: %s", name[0], exc)
        return False


def forget(name: Name) -> None:
    """Take back what was told."""
    cache.delete(_key(name))


def _key(name: Name) -> str:
    return f"provider-trouble.{'.'.join(name)}"
