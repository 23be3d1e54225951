"""Makes the vectors that are missing, in the background, for all accounts in turn."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from django.conf import settings

from core import lease, work
from core.breaker import Breaker
from core.exceptions import AppError, ProviderError
from knowledge import embedders, embeddings, tolls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from knowledge.embedders.base import Embedder

logger = logging.getLogger(__name__)

#: What the encoder's thread leaves to answers: with this niceness they get nine tenths
#: of a processor that both want.
_NICENESS: Final = 10
#: Seconds for which an account whose texts were refused is left alone.
_REST_S: Final = 60.0
#: Seconds between two pages, about as long as one takes.
_PAUSE_S: Final = 0.005
#: Seconds that one batch may take.
_TIMEOUT_S: Final = 120.0


class _TooDear(AppError):
    """An account may spend nothing on an encoder now."""


@dataclass(slots=True)
class Walk:
    """How far an account's entries have been looked at, and in which version."""

    version: int
    in_detail: bool
    after: int = 0


@work.register
class EncodingStep(work.Step):
    """Walks over accounts whose vectors are not complete, a page of each in turn.

    Several workers share the accounts by number; where they disagree for a moment, an
    account is encoded twice and nothing is lost.
    """

    name: ClassVar[str] = "encoding"

    def __init__(self, loop: work.WorkLoop) -> None:
        super().__init__(loop)
        self._thread = ThreadPoolExecutor(
            1, thread_name_prefix="encoding", initializer=_stand_back
        )
        self._walks: dict[int, Walk] = {}
        #: Accounts with vectors that no version of their knowledge has announced.
        self._news: set[int] = set()
        self._resting: dict[int, float] = {}
        self._breaker = Breaker()
        self._encoder: Embedder | None = None

    async def run(self) -> float | None:
        if settings.EMBEDDINGS == embedders.OFF:
            return None
        encoder = await self._load()
        if encoder is None:
            return None
        while accounts := await self.loop.db(self._due):
            for account_id, version in accounts:
                if not self._breaker.admits():
                    return None
                await self._advance(encoder, account_id, version)
        return None

    async def finish(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _load(self) -> Embedder | None:
        loop = asyncio.get_running_loop()
        encoder = await loop.run_in_executor(self._thread, embedders.current)
        if encoder is not None and encoder is not self._encoder:
            # What is complete with another one is due again.
            await self.loop.db(embeddings.adopt, encoder.key)
            self._walks.clear()
            self._breaker = Breaker()
        self._encoder = encoder
        return encoder

    def _due(self) -> list[tuple[int, int]]:
        """This worker's share of the accounts that are due, without the resting ones."""
        now = time.monotonic()
        self._resting = {key: at for key, at in self._resting.items() if at > now}
        accounts = [each for each in embeddings.due() if each[0] not in self._resting]
        if not accounts:
            return []
        workers = sorted(lease.alive() | {self.loop.worker})
        mine = workers.index(self.loop.worker)
        return [each for each in accounts if each[0] % len(workers) == mine]

    async def _advance(self, encoder: Embedder, account_id: int, version: int) -> None:
        """Look at one page of an account, and make what is missing there."""
        walk = self._walks.get(account_id)
        if walk is None:
            in_detail = await self.loop.db(embeddings.begin, account_id, encoder.key)
            walk = self._walks[account_id] = Walk(version, in_detail)
        page = await self.loop.db(
            embeddings.look,
            account_id,
            encoder,
            after=walk.after,
            in_detail=walk.in_detail,
        )
        if page is None:
            self._breaker.released()
            await self._finish(encoder, account_id, walk)
            return
        try:
            await self._encode(encoder, account_id, page.missing)
        except _TooDear as exc:
            logger.info("Vectors of account %s have to wait: %s", account_id, exc)
            self._breaker.released()
            self._resting[account_id] = time.monotonic() + _REST_S
            return
        except ProviderError as exc:
            logger.warning("Vectors of account %s have to wait: %s", account_id, exc)
            self._breaker.failed(exc)
            pause_s = max(_REST_S, exc.retry_after or 0.0)
            self._resting[account_id] = time.monotonic() + pause_s
            return
        if page.missing:
            self._breaker.succeeded()
        else:
            self._breaker.released()
        if page.stale:
            await self.loop.db(embeddings.drop, page.stale)
        walk.after = page.last
        # Turns and deliveries use the database's threads too.
        await asyncio.sleep(_PAUSE_S)

    async def _encode(
        self, encoder: Embedder, account_id: int, texts: Sequence[embeddings.Text]
    ) -> None:
        for start in range(0, len(texts), encoder.batch):
            is_paid = encoder.billed is not None
            if is_paid and not await self.loop.db(
                tolls.may_encode, account_id, encoder
            ):
                raise _TooDear("The account's spending limit is reached.")
            batch = texts[start : start + encoder.batch]
            began = time.perf_counter()
            rows = await encoder.aembed(
                [each.text for each in batch],
                timeout_s=_TIMEOUT_S,
                threads=self._thread,
            )
            await self.loop.db(embeddings.store, encoder.key, batch, rows)
            if is_paid:
                said = [each.text for each in batch]
                await self.loop.db(tolls.tell, account_id, encoder, said, began)
            self._news.add(account_id)

    async def _finish(self, encoder: Embedder, account_id: int, walk: Walk) -> None:
        del self._walks[account_id]
        if await self.loop.db(
            embeddings.finish,
            account_id,
            walk.version,
            encoder.key,
            has_new=account_id in self._news,
        ):
            self._news.discard(account_id)


def _stand_back() -> None:
    """Give the calling thread a lower priority than answers have, where it has its own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
