"""`/ws/dashboard/`: programs and pages that follow what happens in accounts."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

import orjson
from channels.db import database_sync_to_async
from django.db import DatabaseError

from accounts import access
from conversations import dashboard
from conversations.consumers import CLOSE_UNKNOWN, LiveConsumer, access_of

if TYPE_CHECKING:
    from accounts.access import Access

logger = logging.getLogger(__name__)

#: Why we close: we do not understand what was said.
CLOSE_UNREADABLE = 4400
#: What we speak, and how a token may be offered beside it.
SUBPROTOCOL: Final = "answerdesk.v1"
_BEARER: Final = "bearer."
#: Seconds within which a client says hello.
HELLO_S = 10.0
#: Seconds between two looks at what happened, however much does.
REST_S = 0.1


class DashboardConsumer(LiveConsumer):
    """Says what happens in accounts, from the number on up to which a client knows it.

    A client is known by its session, or by a bearer token in the `Authorization`
    header, beside the subprotocol, or in its hello.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._names: dict[int, str] = {}
        self._after: dict[int, int] = {}
        self._has_news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def connect(self) -> None:
        offered = self.scope.get("subprotocols", [])
        await self.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
        self._tasks.append(asyncio.create_task(self._expect_hello()))

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None
    ) -> None:
        said = _object(text_data)
        kind = said.get("type")
        if kind == "hello" and not self._names:
            await self._greet(said)
        elif kind == "ping" and self._names:
            await self._say({"type": "pong"})
        else:
            await self.end(CLOSE_UNREADABLE)

    async def leave(self) -> None:
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        await super().leave()

    async def live_event(self, message: dict[str, Any]) -> None:
        """Something happened: a hint to look."""
        self._has_news.set()

    live_resync = live_event

    async def _expect_hello(self) -> None:
        await asyncio.sleep(HELLO_S)
        if not self._names:
            await self.end(CLOSE_UNKNOWN)

    async def _greet(self, hello: dict[str, Any]) -> None:
        after = _numbers(hello.get("after", {}))
        if after is None:
            await self.end(CLOSE_UNREADABLE)
            return
        found = await database_sync_to_async(self._access)(hello.get("token"))
        if found is None:
            await self.end(CLOSE_UNKNOWN)
            return
        # Joined before the numbers are read: what happens in between is a hint.
        await self.join_accounts(found)
        names = await database_sync_to_async(dashboard.names)(found.accounts)
        now = await database_sync_to_async(dashboard.newest)(found.accounts)
        # A number from the future is one of a database that is no more.
        self._after = {
            key: min(after.get(name, now[key]), now[key]) for key, name in names.items()
        }
        self._names = names
        await self._say({"type": "welcome", "after": self._told(self._after)})
        self._has_news.set()
        self._tasks.append(asyncio.create_task(self._follow()))

    def _access(self, token: object) -> Access | None:
        if isinstance(token, str) and token:
            return access.by_token(token)
        for offered in self.scope.get("subprotocols", []):
            if offered.startswith(_BEARER):
                return access.by_token(offered.removeprefix(_BEARER))
        return access_of(self.scope)

    async def _follow(self) -> None:
        read = database_sync_to_async(dashboard.read)
        while True:
            await self._has_news.wait()
            self._has_news.clear()
            try:
                news = await read(self._after, self._names)
            except DatabaseError:
                logger.exception("A dashboard could not be told what happened")
                await asyncio.sleep(1)
                self._has_news.set()
                continue
            await self._pass_on(news)
            await asyncio.sleep(REST_S)

    async def _pass_on(self, news: dashboard.News) -> None:
        for event in news.events:
            await self.send(text_data=orjson.dumps(event).decode())
        if news.skipped:
            await self._say({"type": "resync", "accounts": self._called(news.skipped)})
        if news.after != self._after:
            self._after = news.after
            await self._say({"type": "position", "after": self._told(news.after)})

    def _told(self, numbers: dict[int, int]) -> dict[str, int]:
        return {self._names[key]: number for key, number in numbers.items()}

    def _called(self, accounts: list[int]) -> list[str]:
        return [self._names[key] for key in accounts]

    async def _say(self, what: dict[str, Any]) -> None:
        await self.send(text_data=orjson.dumps({"v": 1, **what}).decode())


def _object(text: str | None) -> dict[str, Any]:
    try:
        value = orjson.loads(text or "")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _numbers(value: object) -> dict[str, int] | None:
    """Numbers by name, as `after` has them; None: it has something else."""
    if not isinstance(value, dict):
        return None
    is_whole = all(type(each) is int and each >= 0 for each in value.values())
    return value if is_whole else None
