"""From what was asked to the entries that may answer it, and how sure that is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ai_model import followups
from ai_model.confidence import NEUTRAL, Adjustment, confidence
from knowledge import text as words
from knowledge.postings import Floats

if TYPE_CHECKING:
    from knowledge.index import Hit, Index, SearchResult

#: Entries that one search gives.
MOST_HITS = 5
#: Confidence at most in an entry that does not say what was asked about it.
MOST_UNTOLD = 0.5
#: Questions of one burst that are looked for one by one.
MOST_PARTS = 3
#: Seconds in which a question reaches the encoder's thread.
_HEAD_START_S = 0.001

#: The vector of a text in a language, where the entries have vectors too and one can be had in time.
EmbedQuery = Callable[[str, str], Awaitable[Floats | None]]
#: The last of some questions in words that stand alone, or nothing.
Rewrite = Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was searched for, what that brought, and how sure the first hit is."""

    query: str
    result: SearchResult
    sure: float

    @property
    def entry(self) -> str:
        """The entry that was found first; empty when there is none."""
        return self.hits[0].document.entry if self.hits else ""

    @property
    def hits(self) -> tuple[Hit, ...]:
        """What was found, best first."""
        return self.result.hits


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be found."""

    #: The waiting messages without their courtesies.
    texts: tuple[str, ...]
    #: The contact's earlier questions, oldest first.
    before: tuple[str, ...]
    lang: str
    #: From this confidence on the search needs no help.
    threshold: float

    @property
    def query(self) -> str:
        """All of it as one text."""
        return "\n".join(self.texts)


@dataclass(frozen=True, slots=True)
class Finder:
    """Searches what one contact may know."""

    index: Index
    visibilities: frozenset[str] | None
    embed_query: EmbedQuery | None = None
    adjustment: Adjustment = NEUTRAL

    async def find(self, query: str) -> Finding:
        """Search once."""
        if self.embed_query is not None and self.index.wants_vector:
            result = await self._by_meaning(query, self.embed_query)
        else:
            result = self.index.search(query, MOST_HITS, self.visibilities)
        sure = confidence(result, self.adjustment) if result.hits else 0.0
        return Finding(query, result, sure)

    async def _by_meaning(self, query: str, embed_query: EmbedQuery) -> SearchResult:
        """Weigh the words while another thread encodes them."""
        encoding = asyncio.ensure_future(
            embed_query(query, words.detect_language(query))
        )
        try:
            await asyncio.wait([encoding], timeout=_HEAD_START_S)
            weighed = self.index.weigh(query, self.visibilities)
            vector = await encoding
        finally:
            encoding.cancel()
        return self.index.search(
            query, MOST_HITS, self.visibilities, vector=vector, words=weighed
        )

    async def find_all(
        self, asked: Asked, rewrite: Rewrite | None = None
    ) -> tuple[Finding, ...]:
        """What answers, one finding for each of the different questions in it."""
        several = await self._find_each(asked)
        if several:
            return several
        plain = await self.find(asked.query)
        if not asked.before or not followups.leans(asked.query, asked.lang):
            return (plain,)
        is_bare = followups.is_bare(asked.query, asked.lang)
        if plain.sure >= asked.threshold and not is_bare:
            return (plain,)
        return (await self._find_in_context(asked, plain, rewrite),)

    async def _find_each(self, asked: Asked) -> tuple[Finding, ...]:
        """Sure findings of different entries for the parts of a burst, if it has some."""
        parts = list(dict.fromkeys(questions(asked.texts)))[:MOST_PARTS]
        if len(parts) < 2:
            return ()
        found = [await self.find(part) for part in parts]
        sure: dict[str, Finding] = {}
        for each in found:
            if each.sure >= asked.threshold:
                sure.setdefault(each.entry, each)
        return tuple(sure.values()) if len(sure) > 1 else ()

    async def _find_in_context(
        self, asked: Asked, plain: Finding, rewrite: Rewrite | None
    ) -> Finding:
        """The best of the question alone, with the one before it, and rewritten."""
        best = plain
        if query := followups.with_context(asked.query, asked.before, asked.lang):
            found = await self.find(query)
            # The words it was lent find their own entry, whatever is asked now.
            is_about = bool(found.hits) and followups.is_about(
                found.hits[0].document, asked.query, asked.lang
            )
            if followups.is_bare(asked.query, asked.lang):
                # Alone it finds whatever happens to be put in the same few words.
                sure = found.sure if is_about else min(found.sure, MOST_UNTOLD)
                best = replace(found, sure=sure)
            elif found.sure > best.sure and is_about:
                best = found
        if best.sure >= asked.threshold or rewrite is None:
            return best
        if query := await rewrite():
            found = await self.find(query)
            best = found if found.sure > best.sure else best
        return best


def questions(texts: Sequence[str]) -> list[str]:
    """What was asked one by one: the messages, or the questions within one of them."""
    found: list[str] = []
    for text in texts:
        asked = [each for each in words.sentences(text) if each.endswith("?")]
        found += asked if len(asked) > 1 else [text]
    return found
