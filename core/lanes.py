"""Threads of requests that wait: a few for all, instead of one for each.

Django gives each request a thread, and with it a connection to the database, until it is
answered. Who waits for a slow model needs both only for moments.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any, Final

from asgiref.sync import SyncToAsync, ThreadSensitiveContext

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.shortcut import Shortcut

#: Where a caller waits for a reply, or for what a help desk says.
_WAITS: Final = re.compile(
    r"/api/agent/|/api/agent-failure/|/api/v1/ai/(ask|sessions)/|/webhook/chatwoot"
)
#: Fewer than the connections of a process, so that other pages find one.
_LANES: Final = 4


class Lanes:
    """In front of Django: lets requests that wait share threads."""

    def __init__(self, app: Shortcut) -> None:
        self._app = app
        self._lanes = itertools.cycle([ThreadSensitiveContext() for _ in range(_LANES)])

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[..., Any],
        send: Callable[..., Any],
    ) -> None:
        if not _WAITS.match(scope["path"]):
            await self._app(scope, receive, send)
            return
        # Django makes a context of its own only where there is none.
        token = SyncToAsync.thread_sensitive_context.set(next(self._lanes))
        try:
            await self._app(scope, receive, send)
        finally:
            SyncToAsync.thread_sensitive_context.reset(token)
