"""Wake-ups reach one worker that rests, and their loss harms nobody."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
import redis

from core import wakeups
from core.tests.network import eventually

if TYPE_CHECKING:
    from collections.abc import Collection

REDIS = os.environ.get("REDIS_URL", "")
with_redis = pytest.mark.skipif(not REDIS, reason="REDIS_URL is not set")


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A list that the workers of no other test listen to."""
    name = f"answerdesk.test.wake.{os.getpid()}"
    monkeypatch.setattr(wakeups, "_KEY", name)
    yield name
    redis.Redis.from_url(REDIS).delete(name)


async def heard(count: int, *, listeners: int = 1) -> list[tuple[int, str]]:
    """What so many listeners hear, until `count` wake-ups have come."""
    found: list[tuple[int, str]] = []
    enough = asyncio.Event()

    def hear(listener: int) -> Any:
        def note(step: str) -> None:
            found.append((listener, step))
            if len(found) >= count:
                enough.set()

        return asyncio.create_task(wakeups.hear(note))

    tasks = [hear(number) for number in range(listeners)]
    async with asyncio.timeout(10):
        await enough.wait()
    await asyncio.sleep(0.2)  # one too many would come now
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return found


@with_redis
def test_a_wake_up_reaches_one_worker_only(key: str) -> None:
    publish = wakeups._Publisher()
    publish(["turns"])

    found = asyncio.run(heard(1, listeners=3))

    assert [step for _, step in found] == ["turns"]


@with_redis
def test_wake_ups_that_wait_are_few_and_told_once(key: str) -> None:
    publish = wakeups._Publisher()
    for _ in range(500):
        publish({"turns", "receive"})

    client = redis.Redis.from_url(REDIS)
    assert client.llen(key) == wakeups._MOST
    found = asyncio.run(heard(2))

    assert sorted(step for _, step in found) == ["receive", "turns"]


def waiting(client: redis.Redis) -> list[str]:
    """The connections on which workers wait for wake-ups."""
    return [each["id"] for each in client.client_list() if each["cmd"] == "blmpop"]


@with_redis
def test_a_worker_hears_again_after_a_break(key: str) -> None:
    async def run() -> list[str]:
        found: list[str] = []
        task = asyncio.create_task(wakeups.hear(found.append))
        client = redis.Redis.from_url(REDIS)
        async with asyncio.timeout(10):
            while not (lines := waiting(client)):
                await asyncio.sleep(0.02)
            for line in lines:
                client.client_kill_filter(_id=line)
            wakeups._Publisher()(["turns"])
            while not found:
                await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return found

    assert set(asyncio.run(run())) == {"turns"}


def test_a_redis_that_is_down_stops_no_worker(settings: Any, caplog: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    async def run() -> bool:
        task = asyncio.create_task(wakeups.hear(lambda _: None))
        await asyncio.sleep(0.3)
        is_trying = not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return is_trying

    assert asyncio.run(run())
    assert "trying again" in caplog.text


def test_what_is_announced_meanwhile_goes_out_together() -> None:
    published: list[Collection[str]] = []
    first = threading.Event()

    def publish(steps: Collection[str]) -> None:
        published.append(steps)
        first.wait(5)

    announcer = wakeups.Announcer(publish)
    announcer.announce("receive")
    eventually(lambda: published)
    for _ in range(50):
        announcer.announce("receive")
        announcer.announce("turns")
    first.set()

    eventually(lambda: len(published) == 2)
    assert published == [{"receive"}, {"receive", "turns"}]


def test_wake_ups_that_cannot_leave_harm_nobody(caplog: Any) -> None:
    tried: list[Collection[str]] = []

    def publish(steps: Collection[str]) -> None:
        tried.append(steps)
        raise ConnectionError("no Redis")

    announcer = wakeups.Announcer(publish)
    announcer.announce("receive")
    eventually(lambda: tried)
    announcer.announce("turns")

    eventually(lambda: len(tried) == 2)
    assert "could not be published" in caplog.text
