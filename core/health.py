"""How the installation is: what is configured, each really checked."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import redis.asyncio
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection

from core import lease, periodic

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

#: Seconds that one check may take.
TIMEOUT_S = 4.0


class Degraded(Exception):
    """The service works, but not as it should; `str()` says what is wrong."""


@dataclass(frozen=True, slots=True)
class Check:
    """One service: how it is checked, and for how many seconds the result holds."""

    run: Callable[[], Awaitable[dict[str, Any] | None]]
    is_configured: Callable[[], bool] = lambda: True
    #: Without it nothing works; others only make us worse.
    is_vital: bool = False
    keep_s: float = 0.0


#: Checks by the name under which they are reported.
CHECKS: dict[str, Check] = {}
_kept: dict[str, tuple[float, dict[str, Any]]] = {}


def register(name: str, check: Check) -> None:
    """Report a service under this name."""
    CHECKS[name] = check


async def check_all() -> dict[str, Any]:
    """What is configured, each really checked, in the documented shape."""
    names = [name for name, check in CHECKS.items() if check.is_configured()]
    results = await asyncio.gather(*(_run(name) for name in names))
    services = dict(zip(names, results, strict=True))
    counts = {
        status: sum(each["status"] == status for each in results)
        for status in ("healthy", "degraded", "down")
    }
    return {
        "overall_status": _overall(services),
        "services": services,
        "summary": {"total": len(services), **counts},
    }


def _overall(services: dict[str, dict[str, Any]]) -> str:
    if any(
        each["status"] == "down" and CHECKS[name].is_vital
        for name, each in services.items()
    ):
        return "down"
    if any(each["status"] != "healthy" for each in services.values()):
        return "degraded"
    return "healthy"


async def _run(name: str) -> dict[str, Any]:
    check = CHECKS[name]
    kept = _kept.get(name)
    if kept is not None and kept[0] > time.monotonic():
        return kept[1]
    result: dict[str, Any]
    try:
        async with asyncio.timeout(TIMEOUT_S):
            result = {"status": "healthy", **(await check.run() or {})}
    except Degraded as exc:
        result = {"status": "degraded", "detail": str(exc)}
    except TimeoutError:
        result = {"status": "down", "detail": f"No answer within {TIMEOUT_S:.0f} s."}
    except Exception as exc:  # noqa: BLE001 (whatever it was, the service is not well)
        logger.warning("Health check %s failed: %s", name, exc)
        result = {"status": "down", "detail": type(exc).__name__}
    if check.keep_s:
        _kept[name] = (time.monotonic() + check.keep_s, result)
    return result


async def _check_database() -> None:
    await sync_to_async(_select_one)()


def _select_one() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


async def _check_redis() -> None:
    client = redis.asyncio.Redis.from_url(settings.REDIS_URL)
    try:
        await client.ping()
    finally:
        await client.aclose()


async def _check_worker() -> dict[str, Any]:
    alive = await sync_to_async(lease.alive)()
    if not alive:
        raise Degraded("No worker shows a sign of life; messages wait.")
    if late := await sync_to_async(periodic.overdue_words)():
        raise Degraded(late)
    return {"workers": len(alive)}


register("database", Check(_check_database, is_vital=True))
register("redis", Check(_check_redis, lambda: bool(settings.REDIS_URL)))
register("worker", Check(_check_worker))
