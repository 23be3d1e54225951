"""The step that reads sources which are due, beside the work on messages."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING, ClassVar

from django.db import connection

from core import work
from knowledge.source_reading import Progress, ReadingStopped, read_source
from knowledge.sources import STEP, claim_due

if TYPE_CHECKING:
    from core.work import WorkLoop
    from knowledge.models import Source

logger = logging.getLogger(__name__)

#: Sources that one process reads at the same time, of different accounts.
MOST_AT_ONCE = 2


@work.register
class SourceStep(work.Step):
    """Reads each in a thread of its own: reading takes minutes, and blocks."""

    name: ClassVar[str] = STEP

    def __init__(self, loop: WorkLoop) -> None:
        super().__init__(loop)
        self._stopping = threading.Event()
        #: The thread that reads for an account.
        self._threads: dict[int, threading.Thread] = {}

    async def run(self) -> float | None:
        """Begin to read what is due."""
        self._threads = {
            k: each for k, each in self._threads.items() if each.is_alive()
        }
        while len(self._threads) < MOST_AT_ONCE:
            source = await self.loop.db(claim_due, but_not=list(self._threads))
            if source is None:
                break
            # A daemon: the claim of one that hangs runs out by itself.
            thread = threading.Thread(
                target=self._read, args=(source,), name="sources", daemon=True
            )
            self._threads[source.account_id] = thread
            thread.start()
        return None

    async def finish(self) -> None:
        """Let running readings stop where they are; the next process goes on."""
        self._stopping.set()
        while any(each.is_alive() for each in self._threads.values()):
            await asyncio.sleep(0.05)

    def _read(self, source: Source) -> None:
        try:
            read_source(source, Progress(source, is_stopping=self._stopping.is_set))
        except ReadingStopped:
            logger.info("The reading of source %s was stopped", source.uuid)
        except Exception:
            # The outermost edge of the thread: the source says that it broke off.
            logger.exception("Source %s could not be read", source.uuid)
        finally:
            connection.close()
            self.loop.wake(self.name)
