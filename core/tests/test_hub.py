"""Who listens to a group hears what is published there, and only that."""

from __future__ import annotations

import asyncio
import os
import random
import threading
from typing import Any

import orjson
import pytest
import redis

from core import hub as hubs
from core.hub import MAILBOX_SIZE, Hub, HubLayer, Mailbox

REDIS = os.environ.get("REDIS_URL", "")


@pytest.fixture
def in_process(settings: Any) -> None:
    settings.REDIS_URL = ""


async def hear(layer: HubLayer, channel: str, timeout_s: float = 5.0) -> dict[str, Any]:
    async with asyncio.timeout(timeout_s):
        return await layer.receive(channel)


async def listener(layer: HubLayer, group: str) -> str:
    channel = await layer.new_channel()
    await layer.group_add(group, channel)
    return channel


def test_a_group_hears_its_own_events_only(in_process: None) -> None:
    async def run() -> tuple[Any, bool]:
        layer = HubLayer()
        mine, other = await listener(layer, "a"), await listener(layer, "b")
        hubs.publish([("a", {"v": 1})])
        heard = await hear(layer, mine)
        await layer.group_discard("a", mine)
        await layer.group_discard("b", other)
        return heard, layer._mailboxes[other]._queue.empty()

    heard, is_empty = asyncio.run(run())
    assert heard == {"type": "live.event", "text": '{"v":1}'}
    assert is_empty


def test_events_arrive_in_their_order_from_any_thread(in_process: None) -> None:
    async def run() -> list[int]:
        layer = HubLayer()
        channel = await listener(layer, "a")
        thread = threading.Thread(
            target=lambda: [hubs.publish([("a", {"n": n})]) for n in range(100)]
        )
        thread.start()
        heard = [await hear(layer, channel) for _ in range(100)]
        thread.join()
        await layer.group_discard("a", channel)
        return [orjson.loads(each["text"])["n"] for each in heard]

    assert asyncio.run(run()) == list(range(100))


def test_who_left_hears_nothing_more_and_the_group_is_forgotten(
    in_process: None,
) -> None:
    async def run() -> tuple[bool, list[str]]:
        layer = HubLayer()
        channel = await listener(layer, "left")
        await layer.group_discard("left", channel)
        hubs.publish([("left", {})])
        await asyncio.sleep(0)
        return layer._mailboxes[channel]._queue.empty(), hubs.hub.groups()

    is_empty, groups = asyncio.run(run())
    assert is_empty
    assert "left" not in groups


def test_a_slow_listener_is_cut_and_its_mailbox_stays_small(in_process: None) -> None:
    async def run() -> list[str]:
        box = Mailbox()
        for number in range(MAILBOX_SIZE * 3):
            box.put({"type": "live.event", "text": str(number)})
        await asyncio.sleep(0)
        return [(await box.get())["type"] for _ in range(box._queue.qsize())]

    types = asyncio.run(run())
    assert len(types) == MAILBOX_SIZE + 1
    assert types[-1] == "live.cut"
    assert types.count("live.cut") == 1


def test_a_listener_whose_loop_has_ended_harms_nobody() -> None:
    async def make() -> Mailbox:
        return Mailbox()

    box = asyncio.run(make())

    box.put({"type": "live.event"})


def test_a_message_can_be_sent_to_one_channel(in_process: None) -> None:
    async def run() -> Any:
        layer = HubLayer()
        channel = await layer.new_channel("x")
        await layer.send(channel, {"type": "hello"})
        await layer.send("nobody", {"type": "hello"})
        return await hear(layer, channel)

    assert asyncio.run(run()) == {"type": "hello"}


def test_a_dropped_channel_is_forgotten(in_process: None) -> None:
    async def run() -> int:
        layer = HubLayer()
        channel = await layer.new_channel()
        layer.drop(channel)
        layer.drop(channel)
        await layer.group_discard("a", channel)
        return len(layer._mailboxes)

    assert asyncio.run(run()) == 0


def test_a_group_send_is_an_event(in_process: None) -> None:
    async def run() -> Any:
        layer = HubLayer()
        channel = await listener(layer, "a")
        await layer.group_send("a", {"v": 1})
        heard = await hear(layer, channel)
        await layer.group_discard("a", channel)
        return heard

    assert asyncio.run(run())["text"] == '{"v":1}'


def test_a_redis_that_is_down_fails_no_publisher(
    settings: Any, monkeypatch: Any, caplog: Any
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(hubs, "_sync_client", None)

    hubs.publish([("a", {"v": 1})])

    assert "could not be published" in caplog.text


def test_nothing_to_publish_asks_nobody(settings: Any, monkeypatch: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(hubs, "_sync_client", None)

    hubs.publish([])

    assert hubs._sync_client is None


with_redis = pytest.mark.skipif(not REDIS, reason="REDIS_URL is not set")


async def end(own: Hub) -> None:
    """End a hub's subscription, as the end of its process would."""
    if own._listener is not None:
        own._listener._task.cancel()
        await asyncio.gather(own._listener._task, return_exceptions=True)


def say(group: str, number: int) -> None:
    """Publish as another process would."""
    client = redis.Redis.from_url(REDIS)
    client.publish(f"answerdesk.live.{group}", orjson.dumps({"n": number}))
    client.close()


def break_subscriptions() -> None:
    """Cut the connections of those who listen in this test's database of Redis."""
    client = redis.Redis.from_url(REDIS)
    number = str(client.get_connection_kwargs().get("db", 0))
    for each in client.client_list(_type="pubsub"):
        if each["db"] == number:
            client.client_kill_filter(_id=each["id"])
    client.close()


async def next_of(box: Mailbox) -> dict[str, Any]:
    async with asyncio.timeout(8):
        return await box.get()


@with_redis
def test_a_new_listener_is_told_to_read_once_its_subscription_stands() -> None:
    async def run() -> list[dict[str, Any]]:
        own, box = Hub(), Mailbox()
        own.join("r1", box)
        heard = [await next_of(box)]
        await asyncio.to_thread(say, "r1", 1)
        heard.append(await next_of(box))
        while heard[-1]["type"] == "live.resync":
            heard.append(await next_of(box))
        await end(own)
        return heard

    first, *_, last = asyncio.run(run())
    assert first == {"type": "live.resync"}
    assert last == {"type": "live.event", "text": '{"n":1}'}


@with_redis
def test_other_groups_are_not_heard_over_redis() -> None:
    async def run() -> list[str]:
        own, box, other = Hub(), Mailbox(), Mailbox()
        own.join("r2", box)
        await next_of(box)
        own.join("r3", other)
        await next_of(other)
        await asyncio.to_thread(say, "r2", 1)
        await asyncio.to_thread(say, "r3", 2)
        heard = [await next_of(other)]
        while heard[-1]["type"] == "live.resync":
            heard.append(await next_of(other))
        await end(own)
        return [each["text"] for each in heard if "text" in each]

    assert asyncio.run(run()) == ['{"n":2}']


@with_redis
def test_after_a_break_with_redis_everybody_reads_again() -> None:
    async def run() -> list[str]:
        own, box = Hub(), Mailbox()
        own.join("r4", box)
        await next_of(box)
        await asyncio.sleep(0.1)
        while not box._queue.empty():
            await box.get()
        await asyncio.to_thread(break_subscriptions)
        types = [(await next_of(box))["type"]]
        await asyncio.to_thread(say, "r4", 4)
        while types[-1] == "live.resync":
            types.append((await next_of(box))["type"])
        await end(own)
        return types

    types = asyncio.run(run())
    assert types[0] == "live.resync"
    assert types[-1] == "live.event"


@with_redis
def test_a_loop_that_ends_at_any_moment_ends() -> None:
    """A cancellation may meet Redis's client in the middle of anything."""

    async def run() -> None:
        own, box = Hub(), Mailbox()
        own.join("r6", box)
        await asyncio.sleep(random.random() * 0.02)
        own.leave("r6", box)
        await asyncio.sleep(random.random() * 0.002)

    def many() -> None:
        for _ in range(300):
            asyncio.run(run())

    thread = threading.Thread(target=many, daemon=True)
    thread.start()
    thread.join(60)

    assert not thread.is_alive()


@with_redis
def test_who_leaves_and_comes_back_at_once_still_hears() -> None:
    async def run() -> str:
        own, box = Hub(), Mailbox()
        own.join("r5", box)
        await next_of(box)
        own.leave("r5", box)
        own.join("r5", box)
        await next_of(box)
        await asyncio.sleep(0.1)
        await asyncio.to_thread(say, "r5", 5)
        heard = await next_of(box)
        while heard["type"] == "live.resync":
            heard = await next_of(box)
        await end(own)
        return str(heard["text"])

    assert asyncio.run(run()) == '{"n":5}'
