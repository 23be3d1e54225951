"""Requests that wait hold a few threads together, not one each."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from core.lanes import Lanes


def run(path: str, count: int) -> set[str]:
    """Names of the threads in which so many requests at once did their plain work."""
    names: set[str] = set()
    everybody = asyncio.Barrier(count)

    def work() -> None:
        names.add(f"{threading.get_ident()}")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        from asgiref.sync import ThreadSensitiveContext

        async with ThreadSensitiveContext():  # as Django does
            await sync_to_async(work)()
            await everybody.wait()
            await sync_to_async(work)()

    async def all_at_once() -> None:
        lanes = Lanes(app)
        calls = (lanes({"path": path}, None, None) for _ in range(count))  # type: ignore[arg-type]
        await asyncio.gather(*(asyncio.create_task(each) for each in calls))

    asyncio.run(all_at_once())
    return names


@pytest.mark.parametrize("path", ["/api/agent/customer/", "/api/v1/ai/ask/"])
def test_who_waits_shares_threads(path: str) -> None:
    assert len(run(path, 40)) == 4


def test_others_have_their_own() -> None:
    assert len(run("/desk/", 40)) == 40
