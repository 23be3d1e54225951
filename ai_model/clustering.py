"""Which questions mean the same: groups that grow one question at a time.

Two questions are alike by their stems, by their groups of letters, by the ideas they
touch, and by what the search found for them: a question that nothing answers still
has neighbours, and questions with the same ones are mostly about the same.

Measured on four labelled businesses (`docs/explanation/gaps.md` has the table).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from knowledge import text
from knowledge.concepts import concepts
from knowledge.postings import Floats, GramIndex
from knowledge.words import WordIndex

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

K = TypeVar("K")

#: A question joins the group it is most like, if it is at least this much alike.
LEAST_ALIKE: Final = 0.45
#: Members of a group that are nearest to a question speak for the group.
SPEAKERS: Final = 3

_LETTERS, _STEMS, _IDEAS, _FOUND = 0.25, 0.25, 0.2, 0.3


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it is compared."""

    text: str
    #: Score by entry of what the search found.
    found: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Line:
    """A question or a title in the shapes that are compared."""

    letters: str
    stems: tuple[str, ...]
    ideas: tuple[str, ...]


# The same lines are the background of the next look, a few seconds later.
@lru_cache(maxsize=4096)
def _read(line: str) -> _Line:
    lang = text.detect_language(line)
    return _Line(
        text.letters(line, lang),
        tuple(text.stems(line, lang)),
        tuple(concepts(line, lang)),
    )


class Likeness:
    """How alike questions are, from 0 to 1."""

    def __init__(self, asked: Sequence[Asked], background: Sequence[str] = ()) -> None:
        """The background, such as the titles of entries, tells rare words from common."""
        self._size = len(asked)
        lines = [_read(line) for line in (*(each.text for each in asked), *background)]
        self._letters = [line.letters for line in lines]
        self._grams = GramIndex.build(self._letters, (3, 4))
        self._stems = [line.stems for line in lines]
        self._words = WordIndex((stems, ()) for stems in self._stems)
        self._ideas = [line.ideas for line in lines]
        self._concepts = WordIndex((ideas, ()) for ideas in self._ideas)
        self._profiles = _profiles([each.found for each in asked])

    def of(self, row: int) -> Floats:
        """How much each question is like this one."""
        terms = self._words.terms(self._stems[row], spell=False)
        ideas = self._concepts.terms(self._ideas[row], spell=False)
        said: Floats = (
            np.float32(_LETTERS) * self._grams.cosines(self._letters[row])
            + np.float32(_STEMS) * self._words.title_cosine(terms)
            + np.float32(_IDEAS) * self._concepts.title_cosine(ideas)
        )[: self._size]
        alone: Floats = said / np.float32(1 - _FOUND)
        if not self._profiles[row].any():
            return alone
        both = said + np.float32(_FOUND) * (self._profiles @ self._profiles[row])
        # Where the search found nothing for the other one, what was said decides.
        found = self._profiles.any(axis=1)
        return np.where(found, both, alone)


def _profiles(found: Sequence[Mapping[str, float]]) -> Floats:
    """For each question a unit vector over entries; zeros where nothing was found."""
    names = sorted({name for scores in found for name in scores})
    place = {name: at for at, name in enumerate(names)}
    rows = np.zeros((len(found), len(names)), np.float32)
    for row, scores in zip(rows, found, strict=True):
        best = max(scores.values(), default=0.0)
        for name, score in scores.items():
            row[place[name]] = math.exp(score - best)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Floats = rows / np.maximum(norms, np.float32(1e-6))
    return unit


def nearest(alike: Floats, groups: Mapping[K, Sequence[int]]) -> K | None:
    """The group that a question belongs to, by its likeness to each row."""
    best, found = LEAST_ALIKE, None
    # A group without a member that is as much alike cannot be so on average.
    close = set(np.flatnonzero(alike >= LEAST_ALIKE).tolist())
    for key, rows in groups.items():
        if close.isdisjoint(rows):
            continue
        speakers = np.sort(alike[list(rows)])[-SPEAKERS:]
        if speakers.mean() >= best:
            best, found = float(speakers.mean()), key
    return found


def spokesman(asked: Sequence[Asked]) -> int:
    """The question that is most like all the others; the first of several."""
    likeness = Likeness(asked)
    sums = [float(likeness.of(row).sum()) for row in range(len(asked))]
    return sums.index(max(sums))
