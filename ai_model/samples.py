"""Labelled businesses asked their questions: what the confidence is fitted to.

A business is a folder with ``entries.jsonl``, ``questions.jsonl`` and perhaps
``history.jsonl``. Beside the real questions come those of copies in which a part of the
entries is hidden: near misses of this very business. Copies also know more or fewer
earlier questions, as businesses do.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ai_model.confidence import mode_of
from ai_model.labelled import documents_from, read_lines
from ai_model.selfcheck import near_misses
from knowledge.embeddable import texts_of
from knowledge.index import Index
from knowledge.text import detect_language

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ai_model.vector_cache import VectorCache
    from knowledge.index import Document
    from knowledge.postings import Floats

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """One question that was searched for, and whether the first hit was right."""

    #: The business; each counts the same, and is left out as a whole to test.
    group: str
    #: Which of its questions.
    number: int
    features: Mapping[str, float]
    right: bool
    kind: str = ""
    #: Whether an entry of the business answers it.
    answerable: bool = True
    #: Asked of a copy of the business, not of the business as it is.
    made: bool = False
    #: Asked by the business's own self-check; nothing is fitted to it.
    is_check: bool = False

    @property
    def mode(self) -> str:
        """Which models say how sure this is."""
        return mode_of(self.features)

    @property
    def by_meaning(self) -> bool:
        """Whether vectors took part in the search."""
        return "vector" in self.features


@dataclass(frozen=True, slots=True)
class _Copy:
    """How a copy differs: share of entries hidden, share of history known."""

    hidden: float
    known: float


_COPIES = (_Copy(0.15, 1.0), _Copy(0.3, 0.5), _Copy(0.5, 0.2), _Copy(0.3, 0.05))
#: Of a business without history, this share of its questions becomes one in copies.
_BORROWED = 0.6
_MOST_ASKED = 400


@dataclass(frozen=True, slots=True)
class Business:
    """One labelled folder."""

    name: str
    entries: Sequence[Line]
    questions: Sequence[Line]
    history: Sequence[Line]


def businesses(folder: Path) -> list[Business]:
    """Those with questions below a folder."""
    return [
        Business(
            path.parent.name,
            read_lines(path.parent / "entries.jsonl", "entry_id", "title", "body"),
            read_lines(path, "question", "entry_ids"),
            _history_of(path.parent),
        )
        for path in sorted(folder.glob("*/questions.jsonl"))
        if (path.parent / "entries.jsonl").exists()
    ]


def _history_of(folder: Path) -> Sequence[Line]:
    path = folder / "history.jsonl"
    return read_lines(path, "question", "entry_id") if path.exists() else []


@dataclass(frozen=True, slots=True)
class _Round:
    """One state of a business, and what it is asked."""

    entries: Sequence[Line]
    questions: Sequence[Line]
    history: Sequence[Line]
    made: bool = True


def samples_of(business: Business, vectors: Mapping[str, Floats]) -> Iterator[Sample]:
    """Its questions, asked without and with history, of it and of copies, and its own.

    Where there are vectors all of it happens twice: by words alone, and by meaning.
    """
    for each in _rounds(business):
        yield from _ask(business.name, each, {})
        if vectors:
            yield from _ask(business.name, each, vectors)
        if not each.made:
            yield from _check(business.name, each, {})
            if vectors:
                yield from _check(business.name, each, vectors)


def _rounds(business: Business) -> Iterator[_Round]:
    entries, questions = business.entries, business.questions
    yield _Round(entries, questions, [], made=False)
    if business.history:
        yield _Round(entries, questions, business.history, made=False)
    for number, copy in enumerate(_COPIES):
        chance = random.Random(f"{business.name} {number}")  # noqa: S311 (no secret)
        left = chance.sample(entries, max(2, round(len(entries) * (1 - copy.hidden))))
        some: Sequence[Line] = chance.sample(
            questions, min(len(questions), _MOST_ASKED)
        )
        yield _Round(left, some, [])
        history, some = _history(business, some, copy, chance)
        if history:
            yield _Round(left, some, history)


def _history(
    business: Business, asked: Sequence[Line], copy: _Copy, chance: random.Random
) -> tuple[list[Line], Sequence[Line]]:
    """Earlier questions for a copy, and what is then left to ask."""
    if business.history:
        return [
            line for line in business.history if chance.random() < copy.known
        ], asked
    known, left = [], []
    for line in asked:
        wanted = line["entry_ids"]
        if wanted and chance.random() < _BORROWED * copy.known:
            known.append({"question": line["question"], "entry_id": wanted[0]})
        else:
            left.append(line)
    return known, left


def _ask(group: str, asked: _Round, vectors: Mapping[str, Floats]) -> Iterator[Sample]:
    documents = documents_from(asked.entries, asked.history)
    index = Index(documents, vectors_for(documents, vectors))
    for number, line in enumerate(asked.questions):
        vector = vectors.get(line["question"])
        if vectors and vector is None:
            continue
        result = index.search(line["question"], limit=1, vector=vector)
        if result.hits:
            yield Sample(
                group=group,
                number=number,
                features=result.features,
                right=result.hits[0].document.entry in line["entry_ids"],
                kind=line.get("kind", ""),
                answerable=bool(line["entry_ids"]),
                made=asked.made,
            )


def _check(
    group: str, asked: _Round, vectors: Mapping[str, Floats]
) -> Iterator[Sample]:
    documents = documents_from(asked.entries, asked.history)
    for number, features in enumerate(near_misses(documents, vectors)):
        yield Sample(group, number, features, right=False, is_check=True)


def vectors_for(
    documents: Sequence[Document], vectors: Mapping[str, Floats]
) -> dict[str, Floats]:
    """Of these vectors the ones that an index of the documents needs."""
    wanted = {
        each for document in documents for each in texts_of(document, in_detail=True)
    }
    return {each: vectors[each] for each in wanted if each in vectors}


def vectors_of(business: Business, cache: VectorCache) -> dict[str, Floats]:
    """Vectors of its texts and questions that are in languages of the encoder."""
    documents = documents_from(business.entries, business.history)
    found = cache.of_documents(documents)
    if not found:
        return {}
    with asyncio.Runner() as runner:
        for line in business.questions:
            vector = runner.run(
                cache.of_query(line["question"], detect_language(line["question"]))
            )
            if vector is not None:
                found[line["question"]] = vector
    return found
