"""Words and their stems: BM25 over title and body, and how much of a question is met."""

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
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


class WordCounts:
    """The stems of documents that come one by one, in arrays of numbers."""

    def __init__(self) -> None:
        self.vocabulary: dict[str, int] = {}
        #: Of the bodies, with their titles: number and count of each stem, and how many
        #: different ones and how many in all each document has.
        self.stems, self.counts = array("I"), array("I")
        self.widths, self.lengths = array("I"), array("I")
        #: Of the titles: number of each stem, and how many different ones each has.
        self.title_stems, self.title_widths = array("I"), array("I")

    def add(self, title: Sequence[str], body: Sequence[str]) -> None:
        """Count the next document."""
        number_of = self.vocabulary
        found = Counter(body)
        for stem in title:
            found[stem] += _TITLE_WEIGHT
        self.stems.extend(number_of.setdefault(stem, len(number_of)) for stem in found)
        self.counts.extend(found.values())
        self.widths.append(len(found))
        self.lengths.append(found.total())
        own = sorted({number_of[stem] for stem in title})
        self.title_stems.extend(own)
        self.title_widths.append(len(own))


def _body(counts: WordCounts) -> Postings:
    """Each stem's part in BM25."""
    size = len(counts.lengths)
    rows = np.repeat(np.arange(size, dtype=np.int32), np.asarray(counts.widths))
    length = np.array(counts.lengths, np.float32)
    share = (length / max(float(length.mean()), 1.0))[rows] if size else length
    tf = np.array(counts.counts, np.float32)
    weights = tf * (_K1 + 1) / (tf + _K1 * (1 - _B + _B * share))
    return Postings.build(
        np.array(counts.stems, np.uint32), rows, weights.astype(np.float32), size
    )


def _title(counts: WordCounts, tells: Floats) -> Postings:
    """Rows of unit length: a title's stems weighted by what each tells."""
    size = len(counts.lengths)
    rows = np.repeat(np.arange(size, dtype=np.int32), np.asarray(counts.title_widths))
    keys = np.array(counts.title_stems, np.uint32)
    idf = tells[keys] if len(keys) else np.zeros(0, np.float32)
    norms = np.sqrt(np.bincount(rows, idf**2, minlength=size))
    weights = (idf / np.maximum(norms, 1e-6)[rows]).astype(np.float32)
    return Postings.build(keys, rows, weights, size)


class WordIndex:
    """An inverted index over the stems of titles and bodies."""

    def __init__(
        self, documents: Iterable[tuple[Sequence[str], Sequence[str]]]
    ) -> None:
        counts = WordCounts()
        for title, body in documents:
            counts.add(title, body)
        self._take(counts)

    @classmethod
    def of(cls, counts: "WordCounts") -> "WordIndex":
        """From the stems that were counted; the counts are used up."""
        index = cls.__new__(cls)
        index._take(counts)
        return index

    def _take(self, counts: "WordCounts") -> None:
        self.size = len(counts.lengths)
        self.vocabulary = counts.vocabulary
        self._body = _body(counts)
        self._title = _title(counts, self._body.idf)

    def __contains__(self, stem: object) -> bool:
        return stem in self.vocabulary

    @cached_property
    def _speller(self) -> Speller:
        return Speller(list(self.vocabulary))

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
