"""Letter groups of very many texts, in two to three bytes for each one's group.

The same cosines as of exact postings: instead of a weight, only a row is kept, and for
the fifth of the groups that come up more than once in a text, how often. What a group
tells and how long a text is stand once for each group and each text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from knowledge.postings import (
    GramIndex,
    distinct_grams,
    find,
    how_much_tells,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from knowledge.postings import Floats, Keys

#: Up to so many texts letter groups are kept with their weights, of three letters too.
SMALL = 20_000
_SIZES, _COMPACT_SIZES = (3, 4), (4,)
#: Rows of a shard; they have to fit into 16 bits.
_SHARD = 65_536
#: How often a group comes up in a text is counted up to here, in eight bits.
_MOST_TIMES = 255
_TIMES_BITS, _KEY_BITS = np.uint64(8), np.uint64(24)
#: What a group counts that comes up so often, beyond what it counts the first time.
_MORE = np.log(np.maximum(np.arange(_MOST_TIMES + 1), 1)).astype(np.float32)


class GramBuilder:
    """Makes the index of texts that come in blocks, so that none needs all of them."""

    def __init__(self, size: int, *, of_passages: bool = False) -> None:
        """``size`` is the number of texts that will come; see ``GramIndex.build``."""
        self._of_passages = of_passages
        self._is_small = size <= SMALL
        self._texts: list[str] = []
        self._blocks: list[NDArray[np.uint64]] = []
        self._rows = 0
        self._shards: list[_Shard] = []

    def add(self, texts: Sequence[str]) -> None:
        """Take the next folded texts (see ``text.letters``)."""
        if self._is_small:
            self._texts += texts
            return
        while texts:
            part, texts = texts[: _SHARD - self._rows], texts[_SHARD - self._rows :]
            self._blocks.append(_packed(part, self._rows))
            self._rows += len(part)
            if self._rows == _SHARD:
                self._close()

    def build(self) -> GramIndex:
        """The index of all texts that were added."""
        if self._is_small:
            return GramIndex.build(self._texts, _SIZES, of_passages=self._of_passages)
        if self._rows:
            self._close()
        postings = CompactPostings.build(self._shards, of_passages=self._of_passages)
        return GramIndex(postings, _COMPACT_SIZES)

    def _close(self) -> None:
        pairs = np.concatenate(self._blocks)
        self._blocks.clear()
        pairs.sort()
        self._shards.append(_Shard.build(pairs, self._rows))
        self._rows = 0


def _packed(texts: Sequence[str], first: int) -> NDArray[np.uint64]:
    """Group, row and how often, in one number each that sorts by group and row."""
    keys, rows, times = distinct_grams(texts, first, _COMPACT_SIZES)
    packed = keys.astype(np.uint64) << _KEY_BITS
    packed |= rows.astype(np.uint64) << _TIMES_BITS
    packed |= np.minimum(times, _MOST_TIMES).astype(np.uint64)
    return packed


@dataclass(frozen=True, slots=True)
class _Lists:
    """For each of some keys a list of rows, one list after the other."""

    starts: NDArray[np.int64]
    rows: NDArray[np.uint16]

    @classmethod
    def build(
        cls, places: NDArray[np.int64], rows: NDArray[np.uint16], count: int
    ) -> _Lists:
        """From the place of each row's key among so many keys, in order."""
        starts = np.searchsorted(places, np.arange(count + 1))
        return cls(starts, rows)

    def places(self, at: NDArray[np.int64]) -> list[slice]:
        """Where the lists of the keys at these positions lie."""
        starts, ends = self.starts[at].tolist(), self.starts[at + 1].tolist()
        return list(map(slice, starts, ends))

    def lengths(self) -> NDArray[np.int64]:
        return self.starts[1:] - self.starts[:-1]


@dataclass(frozen=True, slots=True)
class _Shard:
    """The groups of some texts, whose rows count from the first of them."""

    size: int
    #: Sorted.
    keys: Keys
    #: Rows that hold each key, and those that do so more than once, with how often.
    once: _Lists
    more: _Lists
    times: NDArray[np.uint8]

    @classmethod
    def build(cls, packed: NDArray[np.uint64], size: int) -> _Shard:
        """From sorted numbers as ``_packed`` gives them."""
        keys = (packed >> _KEY_BITS).astype(np.uint32)
        rows = ((packed >> _TIMES_BITS) & np.uint64(0xFFFF)).astype(np.uint16)
        times = (packed & np.uint64(0xFF)).astype(np.uint8)
        is_new = np.append(True, keys[1:] != keys[:-1])[: len(keys)]
        found = keys[is_new]
        places = np.cumsum(is_new) - 1
        several = times > 1
        return cls(
            size,
            found,
            _Lists.build(places, rows, len(found)),
            _Lists.build(places[several], rows[several], len(found)),
            times[several],
        )

    def norms(self, tells: Floats) -> Floats:
        """The length of each row, from what each key tells."""
        squares = tells**2
        sums = np.bincount(
            self.once.rows, np.repeat(squares, self.once.lengths()), self.size
        )
        beyond = (1 + _MORE[self.times]) ** 2 - 1
        sums += np.bincount(
            self.more.rows,
            beyond * np.repeat(squares, self.more.lengths()),
            self.size,
        )
        return np.sqrt(sums).astype(np.float32)

    def sums(self, keys: Keys, factors: Floats) -> Floats:
        """Sum over these keys of factor times damped count, per row."""
        at, known = find(self.keys, keys)
        at, factors = at[known], factors[known]
        found = np.zeros(self.size, np.float32)
        for factor, held in zip(factors, self.once.places(at), strict=True):
            np.add.at(found, self.once.rows[held], factor)
        for factor, held in zip(factors, self.more.places(at), strict=True):
            if held.start < held.stop:
                more = factor * _MORE[self.times[held]]
                np.add.at(found, self.more.rows[held], more)
        return found


@dataclass(frozen=True, slots=True)
class CompactPostings:
    """As ``Postings`` with TF-IDF weights of unit length per row, in a quarter of it."""

    #: Sorted keys.
    keys: Keys
    #: How much a key tells, from the number of rows that hold it.
    idf: Floats
    #: What a key counts in a row.
    weights: Floats
    #: Number of rows, and the length that each had.
    size: int
    norms: Floats
    shards: tuple[_Shard, ...]

    @classmethod
    def build(
        cls, shards: Sequence[_Shard], *, of_passages: bool = False
    ) -> CompactPostings:
        """From shards in the order of their rows; see ``GramIndex.build``."""
        every = np.concatenate([shard.keys for shard in shards])
        held = np.concatenate([shard.once.lengths() for shard in shards])
        keys, places = np.unique(every, return_inverse=True)
        size = sum(shard.size for shard in shards)
        idf = how_much_tells(np.bincount(places, held, len(keys)), size)
        weights = np.ones_like(idf) if of_passages else idf
        norms = np.concatenate(
            [
                shard.norms(weights[np.searchsorted(keys, shard.keys)])
                for shard in shards
            ]
        )
        if of_passages:
            norms = (norms + norms.mean()) / np.float32(2)
        norms = np.maximum(norms, np.float32(1e-6))
        return cls(keys, idf, weights, size, norms, tuple(shards))

    def find(self, keys: Keys) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Position of each key, and whether it is known at all."""
        return find(self.keys, keys)

    def scores(self, at: NDArray[np.int64], factors: Floats) -> Floats:
        """Sum over the keys at these positions of factor times weight, per row."""
        keys, weights = self.keys[at], factors * self.weights[at]
        found = np.concatenate([shard.sums(keys, weights) for shard in self.shards])
        found /= self.norms
        return found
