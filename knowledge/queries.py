"""The vectors of questions, made while somebody waits: fast, or not at all."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core import http
from core.breaker import Breaker
from core.exceptions import ProviderError
from core.groups import GroupCommit
from knowledge import embedders
from knowledge.tolls import tokens_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from knowledge.embedders.base import Embedder, Floats
    from knowledge.tolls import Toll

logger = logging.getLogger(__name__)

#: Seconds after which words alone have to do.
LIMIT_S: Final = 1.0
#: Questions encoded together.
_MOST: Final = 16
#: Questions whose vectors are kept; the one that was not asked longest goes first.
_KEPT: Final = 2048
#: Characters of a question that count.
_LONGEST: Final = 2000


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question on its way to its encoder."""

    encoder: Embedder
    text: str
    #: When nobody waits for it any more.
    until: float


class QueryEncoder:
    """Encodes the questions that wait at a moment together, and remembers them."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], Floats] = OrderedDict()
        self._groups = http.PerLoop[GroupCommit[_Asked, "Floats | None"]]()
        self._breaker = Breaker()
        # One: a second would take the processor from the first, and from the loop.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="questions")

    async def vector(
        self, text: str, lang: str, toll: Toll | None = None
    ) -> Floats | None:
        """The question's vector; None where there is none in time. Raises nothing.

        A service that is paid for is asked only where the `toll` admits it.
        """
        text = " ".join(text.split())[:_LONGEST]
        try:
            async with asyncio.timeout(LIMIT_S):
                return await self._vector(text, lang, toll)
        except TimeoutError:
            logger.warning("A question was not encoded in time")
            return None

    def clear(self) -> None:
        """Forget questions and failures, as between tests."""
        self._kept.clear()
        self._breaker = Breaker()

    async def _vector(self, text: str, lang: str, toll: Toll | None) -> Floats | None:
        if not embedders.is_made():
            await asyncio.to_thread(embedders.current)
        encoder = embedders.current()
        if encoder is None or not text or not encoder.speaks(lang):
            return None
        name = (encoder.key, text)
        if name in self._kept:
            self._kept.move_to_end(name)
            return self._kept[name]
        bill = (*encoder.billed, tokens_of([text])) if encoder.billed else None
        if bill and toll and not await toll.admits(*bill):
            return None
        started = time.perf_counter()
        group = self._groups.here().setdefault("", GroupCommit(self._flush, most=_MOST))
        row = await group.add(_Asked(encoder, text, time.monotonic() + LIMIT_S))
        if row is not None:
            if bill and toll:
                took_ms = round((time.perf_counter() - started) * 1000)
                toll.encoded(*bill, took_ms)
            # A row alone would keep all the rows of its batch.
            self._kept[name] = row.copy()
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return row

    async def _flush(self, batch: list[_Asked]) -> Sequence[Floats | None]:
        """One row for each; None for those who have stopped waiting."""
        now = time.monotonic()
        encoder = batch[-1].encoder
        texts = {
            each.text: None
            for each in batch
            if each.until > now and each.encoder is encoder
        }
        if not texts or not self._breaker.admits():
            return [None] * len(batch)
        try:
            rows = await encoder.aembed(
                list(texts), are_queries=True, timeout_s=LIMIT_S, threads=self._thread
            )
        except ProviderError as exc:
            logger.warning("Questions could not be encoded: %s", exc)
            self._breaker.failed(exc)
            return [None] * len(batch)
        except BaseException:
            self._breaker.released()
            raise
        self._breaker.succeeded()
        found = dict(zip(texts, rows, strict=True))
        return [found.get(each.text) for each in batch]


#: The one of this process.
encoder = QueryEncoder()
