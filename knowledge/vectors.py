"""Unit vectors in rows, compared with one vector at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from knowledge.postings import Floats

#: Beyond this many rows a shorter copy of each is compared first.
MOST_EXACT = 20_000
_SHORT = 128
_EXACT = 1_000
_BLOCK = 4_096
#: The largest number in a row of bytes.
_MOST = 127


class _Bytes:
    """Rows of a byte for each number, in parts of its row's largest."""

    def __init__(self, rows: int, columns: int) -> None:
        self._rows = np.zeros((rows, columns), np.int8)
        self._scales = np.zeros(rows, np.float32)

    def put(self, first: int, rows: Floats) -> None:
        """Take some rows, from this one on."""
        scales = np.abs(rows).max(axis=1) / np.float32(_MOST)
        steps = rows / np.maximum(scales, np.float32(1e-12))[:, None]
        place = slice(first, first + len(rows))
        self._rows[place] = np.rint(steps)
        self._scales[place] = scales

    def read(self, rows: slice | NDArray[np.int64]) -> Floats:
        """Some of the rows as they were, nearly."""
        found: Floats = self._rows[rows].astype(np.float32)
        found *= self._scales[rows][:, None]
        return found

    def products(self, vector: Floats) -> Floats:
        """Every row times a vector."""
        found = np.empty(len(self._rows), np.float32)
        for start in range(0, len(found), _BLOCK):
            block = self._rows[start : start + _BLOCK].astype(np.float32)
            np.dot(block, vector, out=found[start : start + _BLOCK])
        found *= self._scales
        return found


@dataclass(frozen=True, slots=True)
class _Many:
    """Many rows in bytes, and along the directions in which they differ most."""

    rows: _Bytes
    axes: Floats
    short: _Bytes

    @classmethod
    def build(
        cls, texts: Sequence[str], vectors: Mapping[str, Floats], dimensions: int
    ) -> _Many:
        rows = _Bytes(len(texts), dimensions)
        for start in range(0, len(texts), _BLOCK):
            rows.put(start, _read(texts[start : start + _BLOCK], vectors, dimensions))
        axes = _axes(rows, len(texts), dimensions)
        short = _Bytes(len(texts), axes.shape[1])
        for start in range(0, len(texts), _BLOCK):
            short.put(start, rows.read(slice(start, start + _BLOCK)) @ axes)
        return cls(rows, axes, short)

    def cosines(self, vector: Floats) -> Floats:
        found = self.short.products(vector @ self.axes)
        nearest = np.argpartition(found, len(found) - _EXACT)[-_EXACT:]
        found[nearest] = self.rows.read(nearest) @ vector
        return found


@dataclass(frozen=True, slots=True)
class Rows:
    """Exact cosines of few rows; of many, good ones of the nearest thousand."""

    rows: Floats | _Many

    @classmethod
    def build(cls, texts: Sequence[str], vectors: Mapping[str, Floats]) -> Rows:
        """One row for each text; zeros where there is no vector of it."""
        dimensions = next((len(vector) for vector in vectors.values()), 1)
        if len(texts) > MOST_EXACT:
            return cls(_Many.build(texts, vectors, dimensions))
        return cls(_read(texts, vectors, dimensions))

    def cosines(self, vector: Floats) -> Floats:
        """Likeness of every row to a unit vector."""
        if isinstance(self.rows, _Many):
            return self.rows.cosines(vector)
        if not len(self.rows):
            return np.zeros(0, np.float32)
        exact: Floats = self.rows @ vector
        return exact


def _read(
    texts: Sequence[str], vectors: Mapping[str, Floats], dimensions: int
) -> Floats:
    rows = np.zeros((len(texts), dimensions), np.float32)
    for row, text in enumerate(texts):
        found = vectors.get(text)
        if found is not None:
            rows[row] = found
    return rows


def _axes(rows: _Bytes, count: int, dimensions: int) -> Floats:
    """The main axes of the rows, as columns, from every so manieth of them."""
    drawn = np.arange(0, count, count // MOST_EXACT)
    alike = np.zeros((dimensions, dimensions), np.float32)
    for start in range(0, len(drawn), _BLOCK):
        block = rows.read(drawn[start : start + _BLOCK])
        alike += block.T @ block
    _, found = np.linalg.eigh(alike)
    return np.ascontiguousarray(found[:, -_SHORT:], np.float32)
