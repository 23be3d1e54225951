"""How near each document and each entry is to a question in meaning."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from knowledge.embeddable import is_in_detail, passage, sentences
from knowledge.vectors import Rows
from knowledge.votes import MAX_FITTED, fit_votes, nearest_by_entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from knowledge.index import Document
    from knowledge.postings import Floats, Ints

#: Texts with the row of their entry.
Texts = list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class MeaningIndex:
    """Vectors of passages, of their sentences, and of earlier questions."""

    #: Passage and sentences of each document, document after document.
    pieces: Rows
    #: Where the pieces of each document start.
    starts: NDArray[np.int64]
    questions: Rows
    #: The entry of each question.
    entries: Ints
    entry_count: int
    voters: Voters | None

    @classmethod
    def build(
        cls,
        documents: Sequence[Document],
        entry_of: Ints,
        vectors: Mapping[str, Floats],
    ) -> MeaningIndex | None:
        """From vectors by text; None without any."""
        if not vectors or not documents:
            return None
        rows = entry_of.tolist()
        pieces = _pieces(documents, in_detail=is_in_detail(max(rows) + 1))
        starts = np.cumsum([0, *map(len, pieces)])[:-1]
        asked = _questions((each.examples for each in documents), rows)
        return cls(
            Rows.build(list(chain.from_iterable(pieces)), vectors),
            starts,
            Rows.build([text for text, _ in asked], vectors),
            np.array([row for _, row in asked], np.int32),
            max(rows) + 1,
            Voters.build(documents, pieces, rows, vectors),
        )

    def documents(self, vector: Floats) -> Floats:
        """For each document: the cosine of its nearest piece."""
        found: Floats = np.maximum.reduceat(self.pieces.cosines(vector), self.starts)
        return found

    def nearest(self, vector: Floats) -> Floats:
        """For each entry: the cosine of its nearest earlier question, 0 without."""
        cosines = self.questions.cosines(vector)
        return nearest_by_entry(cosines, self.entries, self.entry_count)


def _pieces(documents: Sequence[Document], *, in_detail: bool) -> list[list[str]]:
    if not in_detail:
        return [[passage(document)] for document in documents]
    return [[passage(document), *sentences(document)] for document in documents]


def _questions(asked: Iterable[tuple[str, ...]], rows: Sequence[int]) -> Texts:
    """Each once: the questions of an entry stand in all of its documents."""
    found = (
        (text, row) for texts, row in zip(asked, rows, strict=True) for text in texts
    )
    return list(dict.fromkeys(found))


#: How fast two texts stop being alike as their vectors part.
_SHARPNESS = np.float32(3)
#: How little an earlier question, one that was made up, and a text of the entry itself
#: are trusted; the last one the less, the more of them the entry has.
_NOISE, _MADE_UP_NOISE = 0.3, 0.6


@dataclass(frozen=True, slots=True)
class Voters:
    """A classifier from vectors to entries, over all texts that belong to them."""

    rows: Floats
    #: Texts × entries.
    dual: Floats

    @classmethod
    def build(
        cls,
        documents: Sequence[Document],
        pieces: Sequence[Sequence[str]],
        rows: Sequence[int],
        vectors: Mapping[str, Floats],
    ) -> Voters | None:
        """From the texts that have a vector; None when there are too many to fit."""
        made_up = _questions((each.generated for each in documents), rows)
        asked = _questions((each.examples for each in documents), rows)
        known = [(text, row, _NOISE) for text, row in asked if text in vectors]
        known += [
            (text, row, _MADE_UP_NOISE) for text, row in made_up if text in vectors
        ]
        for own in (pieces, [texts[:1] for texts in pieces]):
            if len(known) + len(documents) + sum(map(len, own)) <= MAX_FITTED:
                known += [
                    each for each in _own(documents, own, rows) if each[0] in vectors
                ]
                break
        else:
            return None
        if not known:
            return None
        found = np.stack([vectors[text] for text, _, _ in known]).astype(np.float32)
        entries = np.array([row for _, row, _ in known], np.int32)
        noise = np.array([noise for _, _, noise in known], np.float32)
        dual = fit_votes(_likeness(found @ found.T), entries, max(rows) + 1, noise)
        return cls(found, dual)

    def votes(self, vector: Floats) -> Floats:
        """For each entry, about 1 where it surely answers and 0 elsewhere."""
        found: Floats = _likeness(self.rows @ vector) @ self.dual
        return found


def _own(
    documents: Sequence[Document], pieces: Sequence[Sequence[str]], rows: Sequence[int]
) -> list[tuple[str, int, float]]:
    """Title and pieces of each document, with the row of its entry and their noise."""
    own = [
        list(dict.fromkeys([document.title, *texts]))
        for document, texts in zip(documents, pieces, strict=True)
    ]
    usual = sum(map(len, own)) / len(own)
    return [
        (text, row, _NOISE * len(texts) / usual)
        for texts, row in zip(own, rows, strict=True)
        for text in texts
    ]


def _likeness(cosines: Floats) -> Floats:
    likeness: Floats = np.exp(_SHARPNESS * (cosines - 1))
    return likeness
