"""Live events inside the house: who listens to a group hears what is published there.

An event is a hint of a few ids and numbers; whoever missed it reads the database. So
nothing is kept for a listener that is too slow: it is cut and comes back by itself.

Offered to Channels as its channel layer. With Redis each process subscribes once per
group that somebody here listens to; without, the process is all there is.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import orjson
import redis
import redis.asyncio
from channels.layers import BaseChannelLayer
from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

logger = logging.getLogger(__name__)

#: Events that may wait for one listener before it is cut.
MAILBOX_SIZE = 256
_PREFIX = "answerdesk.live."


class Mailbox:
    """The events that wait for one listener."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def put(self, message: dict[str, Any]) -> None:
        """Leave a message; may be called from any thread."""
        with contextlib.suppress(RuntimeError):  # the listener's loop is gone
            self._loop.call_soon_threadsafe(self._put, message)

    def _put(self, message: dict[str, Any]) -> None:
        if self._queue.qsize() > MAILBOX_SIZE:
            return
        if self._queue.qsize() == MAILBOX_SIZE:
            message = {"type": "live.cut"}
        self._queue.put_nowait(message)

    async def get(self) -> dict[str, Any]:
        """The next message."""
        return await self._queue.get()


class Hub:
    """The groups that somebody in this process listens to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: dict[str, set[Mailbox]] = defaultdict(set)
        self._listener: _RedisListener | None = None

    def join(self, group: str, mailbox: Mailbox) -> bool:
        """Let the mailbox hear what is published in the group.

        Returns whether it hears only from the next `live.resync` on; else from now on.
        """
        with self._lock:
            is_new = not self._groups[group]
            self._groups[group].add(mailbox)
        if not settings.REDIS_URL:
            return False
        if self._listener is None or not self._listener.is_running:
            self._listener = _RedisListener(self)
        if is_new:
            self._listener.subscribe(group)
        return is_new

    def leave(self, group: str, mailbox: Mailbox) -> None:
        """Undo `join`."""
        with self._lock:
            members = self._groups.get(group, set())
            members.discard(mailbox)
            is_empty = not members
            if is_empty:
                self._groups.pop(group, None)
        if is_empty and self._listener is not None:
            self._listener.unsubscribe(group)

    def deliver(self, group: str, text: str) -> None:
        """Put an event into the mailboxes of a group. May be called from any thread."""
        with self._lock:
            members = list(self._groups.get(group, ()))
        message = {"type": "live.event", "text": text}
        for mailbox in members:
            mailbox.put(message)

    def resync(self, group: str) -> None:
        """Tell the listeners of a group that events may be missing."""
        with self._lock:
            members = list(self._groups.get(group, ()))
        for mailbox in members:
            mailbox.put({"type": "live.resync"})

    def groups(self) -> list[str]:
        """The groups that somebody here listens to."""
        with self._lock:
            return list(self._groups)


hub = Hub()


def publish(events: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Publish (group, event) pairs; each event is serialised once.

    Never fails: a listener that hears nothing reads the database after a while.
    """
    texts = [(group, orjson.dumps(event).decode()) for group, event in events]
    if not texts:
        return
    if not settings.REDIS_URL:
        for group, text in texts:
            hub.deliver(group, text)
        return
    try:
        pipeline = _client().pipeline(transaction=False)
        for group, text in texts:
            pipeline.publish(_PREFIX + group, text)
        pipeline.execute()
    except redis.RedisError:
        logger.exception("%s live events could not be published", len(texts))


_sync_client: redis.Redis | None = None


def _client() -> redis.Redis:
    global _sync_client
    if _sync_client is None:
        _sync_client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2)
    return _sync_client


class _RedisListener:
    """This process's one subscription connection."""

    def __init__(self, owner: Hub) -> None:
        self._hub = owner
        self._wanted: asyncio.Queue[tuple[str, bool]] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._run())

    @property
    def is_running(self) -> bool:
        return not self._loop.is_closed() and not self._task.done()

    def subscribe(self, group: str) -> None:
        self._ask((group, True))

    def unsubscribe(self, group: str) -> None:
        self._ask((group, False))

    def _ask(self, wish: tuple[str, bool]) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._wanted.put_nowait, wish)

    async def _run(self) -> None:
        pause = 0.1
        # Redis's client sometimes makes an error, or nothing, out of a cancellation.
        while not self._task.cancelling():
            client = redis.asyncio.Redis.from_url(settings.REDIS_URL)
            pubsub = client.pubsub()
            try:
                await pubsub.subscribe(
                    _PREFIX, *(_PREFIX + group for group in self._hub.groups())
                )
                pause = 0.1
                await self._listen(pubsub)
            except (redis.RedisError, OSError):
                logger.warning("Live events are cut off from Redis; trying again")
            finally:
                with contextlib.suppress(redis.RedisError, OSError):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]
                    await client.aclose()
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)

    async def _listen(self, pubsub: redis.asyncio.client.PubSub) -> None:
        wishes = asyncio.create_task(self._follow_wishes(pubsub))
        wishes.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            while not self._task.cancelling():
                message = await pubsub.get_message(timeout=30)
                if message is not None:
                    self._take(message)
                if wishes.done():
                    wishes.result()
        finally:
            wishes.cancel()

    def _take(self, message: Mapping[str, Any]) -> None:
        group = message["channel"].decode()[len(_PREFIX) :]
        if message["type"] == "message":
            self._hub.deliver(group, message["data"].decode())
        elif message["type"] == "subscribe":
            # What was published before the subscription stood is missing.
            self._hub.resync(group)

    async def _follow_wishes(self, pubsub: redis.asyncio.client.PubSub) -> None:
        task = asyncio.current_task()
        while task is not None and not task.cancelling():
            wishes = dict([await self._wanted.get()])
            # Two hundred who come at one moment are one command.
            while not self._wanted.empty():
                wishes |= [self._wanted.get_nowait()]
            listened = set(self._hub.groups())
            if wanted := [_PREFIX + group for group, is_in in wishes.items() if is_in]:
                await pubsub.subscribe(*wanted)
            if left := [
                _PREFIX + group
                for group, is_in in wishes.items()
                if not is_in and group not in listened
            ]:
                await pubsub.unsubscribe(*left)


class HubLayer(BaseChannelLayer):  # type: ignore[misc]
    """The hub in the shape that Channels wants."""

    extensions = ("groups",)

    def __init__(self, **_: Any) -> None:
        super().__init__()
        self._mailboxes: dict[str, Mailbox] = {}

    async def new_channel(self, prefix: str = "specific") -> str:
        name = f"{prefix}.{secrets.token_hex(12)}"
        self._mailboxes[name] = Mailbox()
        return name

    async def receive(self, channel: str) -> dict[str, Any]:
        return await self._mailboxes[channel].get()

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        mailbox = self._mailboxes.get(channel)
        if mailbox is not None:
            mailbox.put(message)

    async def group_add(self, group: str, channel: str) -> None:
        hub.join(group, self._mailboxes[channel])

    async def group_discard(self, group: str, channel: str) -> None:
        mailbox = self._mailboxes.get(channel)
        if mailbox is not None:
            hub.leave(group, mailbox)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        await asyncio.to_thread(publish, [(group, message)])

    def drop(self, channel: str) -> None:
        """Forget a channel whose socket has gone."""
        self._mailboxes.pop(channel, None)
