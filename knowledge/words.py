"""Words and their stems: BM25 over title and body, and how much of a question is met."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from knowledge.postings import Floats, Postings
from knowledge.spelling import Speller

_K1, _B = 1.2, 0.75
_TITLE_WEIGHT = 2
_CORRECTED = 0.8


@dataclass(frozen=True, slots=True)
class Terms:
    """The stems of one question as one index knows them."""

    #: Positions in the vocabulary, each once.
    ids: NDArray[np.int64]
    #: How much each tells: its idf, less when the word had to be corrected.
    weights: Floats
    #: What the unknown words would tell, together.
    unknown: float

    @property
    def total(self) -> float:
        """What the whole question tells."""
        return float(self.weights.sum()) + self.unknown


class WordIndex:
    """An inverted index over the stems of titles and bodies."""

    def __init__(
        self, documents: Sequence[tuple[Sequence[str], Sequence[str]]]
    ) -> None:
        self.size = len(documents)
        self.vocabulary: dict[str, int] = {}
        self._body = self._build_body(documents)
        self._title = self._build_title([title for title, _ in documents])

    def __contains__(self, stem: object) -> bool:
        return stem in self.vocabulary

    @cached_property
    def _speller(self) -> Speller:
        return Speller(list(self.vocabulary))

    def _build_body(
        self, documents: Sequence[tuple[Sequence[str], Sequence[str]]]
    ) -> Postings:
        keys: list[int] = []
        counts: list[int] = []
        widths: list[int] = []
        lengths: list[int] = []
        for title, body in documents:
            found = Counter(body)
            for stem in title:
                found[stem] += _TITLE_WEIGHT
            keys.extend(
                self.vocabulary.setdefault(stem, len(self.vocabulary)) for stem in found
            )
            counts.extend(found.values())
            widths.append(len(found))
            lengths.append(sum(found.values()))
        rows = np.repeat(np.arange(self.size, dtype=np.int32), widths)
        length = np.array(lengths, np.float32)
        share = (length / max(float(length.mean()), 1.0))[rows] if lengths else length
        tf = np.array(counts, np.float32)
        weights = tf * (_K1 + 1) / (tf + _K1 * (1 - _B + _B * share))
        return Postings.build(
            np.array(keys, np.uint32), rows, weights.astype(np.float32), self.size
        )

    def _build_title(self, titles: Sequence[Sequence[str]]) -> Postings:
        """Rows of unit length: a title's stems weighted by what each tells."""
        sets = [sorted({self.vocabulary[stem] for stem in title}) for title in titles]
        rows = np.repeat(
            np.arange(self.size, dtype=np.int32), [len(found) for found in sets]
        )
        keys = np.array([key for found in sets for key in found], np.uint32)
        idf = self._body.idf[keys] if len(keys) else np.zeros(0, np.float32)
        norms = np.sqrt(np.bincount(rows, idf**2, minlength=self.size))
        weights = (idf / np.maximum(norms, 1e-6)[rows]).astype(np.float32)
        return Postings.build(keys, rows, weights, self.size)

    def terms(self, stems: Sequence[str], *, spell: bool = True) -> Terms:
        """The known stems of a question, typing errors corrected."""
        found: dict[int, float] = {}
        unknown = 0.0
        for stem in dict.fromkeys(stems):
            if stem in self.vocabulary:
                found[self.vocabulary[stem]] = 1.0
                continue
            corrections = self._speller.correct(stem) if spell else ()
            unknown += 0.0 if corrections else self._rare
            for correction in corrections:
                found.setdefault(self.vocabulary[correction], _CORRECTED)
        ids = np.array(list(found), np.int64)
        shares = np.array(list(found.values()), np.float32)
        idf = self._body.idf[ids] if len(ids) else np.zeros(0, np.float32)
        return Terms(ids, idf * shares, unknown)

    def tells(self, stem: str) -> float:
        """The idf of a stem; of one seen nowhere, the highest."""
        row = self.vocabulary.get(stem)
        return self._rare if row is None else float(self._body.idf[row])

    @property
    def _rare(self) -> float:
        return float(np.log1p((self.size + 0.5) / 0.5))

    def bm25(self, terms: Terms) -> Floats:
        """BM25 of every document."""
        return self._body.scores(terms.ids, terms.weights)

    def coverage(self, terms: Terms) -> Floats:
        """Share of what the question tells that each document holds, 0 to 1."""
        held = self._body.scores(terms.ids, terms.weights, weighted=False)
        return held / np.float32(max(terms.total, 1e-6))

    def title_cosine(self, terms: Terms) -> Floats:
        """Similarity of the question's stems and each title's, 0 to 1."""
        at, known = self._title.find(terms.ids.astype(np.uint32))
        norm = float(np.sqrt((terms.weights**2).sum() + terms.unknown**2))
        factors = terms.weights[known] / np.float32(max(norm, 1e-6))
        return self._title.scores(at[known], factors)
