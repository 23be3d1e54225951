"""Compact inverted lists over numpy arrays: which row holds which key, how much."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from knowledge.compact import CompactPostings

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Keys = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Postings:
    """For each key, the rows that hold it and the key's weight there."""

    #: Sorted keys.
    keys: Keys
    #: Where the rows of key i start; one longer than ``keys``.
    starts: NDArray[np.int64]
    rows: Ints
    weights: Floats
    #: How much a key tells, from the number of rows that hold it.
    idf: Floats
    #: Number of rows.
    size: int

    @classmethod
    def build(cls, keys: Keys, rows: Ints, counts: Floats, size: int) -> Postings:
        """From parallel arrays, one item per occurring (key, row) pair."""
        order = np.argsort(keys, kind="stable")
        found, starts = np.unique(keys[order], return_index=True)
        starts = np.append(starts, len(keys)).astype(np.int64)
        idf = how_much_tells(np.diff(starts), size)
        return cls(found, starts, rows[order], counts[order], idf, size)

    def find(self, keys: Keys) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Position of each key, and whether it is known at all."""
        return find(self.keys, keys)

    def scores(
        self, at: NDArray[np.int64], factors: Floats, *, weighted: bool = True
    ) -> Floats:
        """Sum over the keys at these positions of factor times weight, per row."""
        if self.size > _MOST_AT_ONCE:
            return self._scores_by_key(at, factors, weighted=weighted)
        first = self.starts[at]
        lengths = self.starts[at + 1] - first
        # The methods of arrays do what numpy's functions do, without their wrapping.
        ends = lengths.cumsum()
        if not len(ends) or not ends[-1]:
            return np.zeros(self.size, np.float32)
        picked = np.arange(ends[-1]) + (first - ends + lengths).repeat(lengths)
        values = factors.repeat(lengths)
        if weighted:
            values = values * self.weights[picked]
        sums = np.bincount(self.rows[picked], values, minlength=self.size)
        return sums.astype(np.float32)

    def _scores_by_key(
        self, at: NDArray[np.int64], factors: Floats, *, weighted: bool
    ) -> Floats:
        """The same without copies of the lists, which pays when they are long."""
        sums = np.zeros(self.size, np.float32)
        for place, factor in zip(at.tolist(), factors, strict=True):
            held = slice(self.starts[place], self.starts[place + 1])
            values = self.weights[held] * factor if weighted else factor
            np.add.at(sums, self.rows[held], values)
        return sums


#: Rows beyond which lists are worked on one by one.
_MOST_AT_ONCE = 4_000


def find(known: Keys, keys: Keys) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Position of each key among sorted ones, and whether it is there at all."""
    if not len(known):
        return np.zeros(len(keys), np.int64), np.zeros(len(keys), np.bool_)
    at = np.minimum(known.searchsorted(keys), len(known) - 1)
    return at, known[at] == keys


def how_much_tells(held: NDArray[np.number], size: int) -> Floats:
    """The idf of keys that so many of ``size`` rows hold."""
    df = held.astype(np.float32)
    return np.log1p((size - df + 0.5) / (df + 0.5)).astype(np.float32)


_FACTOR = np.uint32(0x9E3779B1)
_SHIFT = np.uint32(15)
_HALF = np.uint64(32)


@dataclass(frozen=True, slots=True)
class Grams:
    """The letter groups of one text, each once, with its damped count."""

    keys: Keys
    counts: Floats

    @classmethod
    def of(cls, text: str, sizes: tuple[int, ...]) -> Grams:
        """From a folded text (see ``text.letters``)."""
        codes = _codes(text)
        found = np.concatenate([_hashes(codes, size) for size in sizes])
        keys, times = np.unique(found, return_counts=True)
        return cls(keys, 1 + np.log(times.astype(np.float32)))


def _codes(text: str) -> Keys:
    return np.frombuffer(text.encode("utf-32-le", "replace"), np.uint32)


def _hashes(codes: Keys, size: int) -> Keys:
    """Hash of the group that starts at each letter, as far as there are letters."""
    count = max(0, len(codes) - size + 1)
    keys = np.full(count, size, np.uint32)
    for offset in range(size):
        keys = keys * _FACTOR + codes[offset : count + offset]
    return (keys ^ (keys >> _SHIFT)) * _FACTOR


def _count_grams(
    texts: Sequence[str], sizes: tuple[int, ...]
) -> tuple[Keys, Ints, Floats]:
    """Key, row and damped count of every group of letters in every text."""
    parts = [
        _count_block(texts[start : start + _BLOCK], start, sizes)
        for start in range(0, max(1, len(texts)), _BLOCK)
    ]
    keys, rows, counts = zip(*parts, strict=True)
    return np.concatenate(keys), np.concatenate(rows), np.concatenate(counts)


#: Texts counted at a time, which bounds the memory of a build.
_BLOCK = 1000


def _count_block(
    texts: Sequence[str], first: int, sizes: tuple[int, ...]
) -> tuple[Keys, Ints, Floats]:
    keys, rows, times = distinct_grams(texts, first, sizes)
    return keys, rows, (1 + np.log(times)).astype(np.float32)


def distinct_grams(
    texts: Sequence[str], first: int, sizes: tuple[int, ...]
) -> tuple[Keys, Ints, NDArray[np.int64]]:
    """The groups of each text, each once, with its row and how often it comes up.

    Rows count from ``first``.
    """
    codes = _codes("".join(texts))
    row_of = np.repeat(
        np.arange(first, first + len(texts), dtype=np.uint64),
        np.array([len(text) for text in texts], np.int64),
    )
    pairs = []
    for size in sizes:
        keys = _hashes(codes, size).astype(np.uint64)
        inside = row_of[: len(keys)] == row_of[size - 1 :][: len(keys)]
        pairs.append(((row_of[: len(keys)] << _HALF) | keys)[inside])
    found, times = np.unique(np.concatenate(pairs), return_counts=True)
    return found.astype(np.uint32), (found >> _HALF).astype(np.int32), times


@dataclass(frozen=True, slots=True)
class GramIndex:
    """Cosine of TF-IDF vectors over letter groups, or nearly so."""

    postings: Postings | CompactPostings
    sizes: tuple[int, ...]

    @classmethod
    def build(
        cls, texts: Sequence[str], sizes: tuple[int, ...], *, of_passages: bool = False
    ) -> GramIndex:
        """From folded texts (see ``text.letters``).

        A question is like another text as a whole, and by the cosine of the two. Of a
        passage it only has to be like a part: there each shared group counts once by
        what it tells, and a long passage is not put down for all of its length.
        """
        keys, rows, counts = _count_grams(texts, sizes)
        postings = Postings.build(keys, rows, counts, len(texts))
        weights = postings.weights
        if not of_passages:
            weights = weights * np.repeat(postings.idf, np.diff(postings.starts))
        norms = np.sqrt(np.bincount(postings.rows, weights**2, minlength=len(texts)))
        if of_passages and len(texts):
            norms = (norms + norms.mean()) / 2
        scaled = weights / np.maximum(norms, 1e-6)[postings.rows]
        return cls(replace(postings, weights=scaled.astype(np.float32)), sizes)

    def cosines(self, text: str) -> Floats:
        """Similarity of a folded text to every row; unknown groups count against it."""
        return self.cosines_of(Grams.of(text, self.sizes))

    def cosines_of(self, grams: Grams) -> Floats:
        """The same of a text whose groups, of the same sizes, are counted already."""
        at, known = self.postings.find(grams.keys)
        weights = grams.counts * np.where(
            known, self.postings.idf[at] if len(self.postings.keys) else 0.0, self._rare
        )
        norm = math.sqrt(float(weights @ weights))
        if not norm:
            return np.zeros(self.postings.size, np.float32)
        factors = (weights[known] / norm).astype(np.float32)
        return self.postings.scores(at[known], factors)

    @property
    def _rare(self) -> float:
        """What a letter group seen nowhere would tell."""
        return float(np.log1p((self.postings.size + 0.5) / 0.5)) * 0.5
