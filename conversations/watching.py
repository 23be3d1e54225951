"""Closes the sockets of people who may not listen any more."""

from __future__ import annotations

import asyncio
import logging
import weakref
from typing import TYPE_CHECKING, Protocol

from channels.db import database_sync_to_async
from django.db import DatabaseError

from accounts import access

if TYPE_CHECKING:
    from accounts.access import Access

logger = logging.getLogger(__name__)

#: Seconds between two looks at who may still listen.
CHECK_S = 3.0


class Socket(Protocol):
    """What can be closed."""

    async def cut_off(self) -> None:
        """Send nothing more, and close."""


class Watch:
    """The sockets of one loop; all of them are looked up together."""

    def __init__(self) -> None:
        self._open: dict[Socket, Access] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, socket: Socket, found: Access) -> None:
        """Look at this one too, until it is removed."""
        self._open[socket] = found
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def remove(self, socket: Socket) -> None:
        """Undo `add`."""
        self._open.pop(socket, None)
        if not self._open and self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        while self._open:
            await asyncio.sleep(CHECK_S)
            # Who comes meanwhile is not asked about.
            asked = dict(self._open)
            try:
                left = await database_sync_to_async(access.standing)(
                    set(asked.values())
                )
            except DatabaseError:
                logger.exception("Nobody could say who may still listen")
                continue
            over = [each for each, found in asked.items() if found not in left]
            for socket in over:
                self._open.pop(socket, None)
            await asyncio.gather(
                *(socket.cut_off() for socket in over), return_exceptions=True
            )


_watches: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Watch] = (
    weakref.WeakKeyDictionary()
)


def watch() -> Watch:
    """That of the running loop."""
    return _watches.setdefault(asyncio.get_running_loop(), Watch())
