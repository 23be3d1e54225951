"""Worker processes whose steps are taken by hand, in the test's own transaction.

Needs `DJANGO_ALLOW_ASYNC_UNSAFE` in the environment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connections

from conversations import looking
from conversations.delivery import DeliverStep
from core.lease import Lease

if TYPE_CHECKING:
    from collections.abc import Callable


class Loop:
    """What a step needs of a worker's loop."""

    def __init__(self, worker: int) -> None:
        self.worker = worker
        self._connection = connections["default"]

    async def db(self, function: Callable[..., Any], *args: Any, **more: Any) -> Any:
        # The test's own: what it has written is not committed.
        connections["default"] = self._connection
        return function(*args, **more)

    def wake(self, step: str) -> None:
        """Nobody sleeps here."""


class Worker:
    """A worker process: its sign of life, the turns it thinks about, its parts."""

    def __init__(self) -> None:
        self.lease = Lease()
        self.number = self.lease.hold()
        self.deliver = DeliverStep(Loop(self.number))  # type: ignore[arg-type]
        self.look = looking.LookStep(Loop(self.number))  # type: ignore[arg-type]
        self.turns: list[Any] = []
        self.parts: list[Any] = []
