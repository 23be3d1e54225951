"""What a knowledge base teaches about itself, without labels and without judgement.

A part of the entries is hidden, and what they are called, or what was asked about them, is
asked of the rest: questions of this very business that have no answer. Where even they find
something that looks right, as among many entries about nearly the same, confidence has to
be less; where nothing does, it may be more.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from ai_model.confidence import MODELS, NEUTRAL, Adjustment, mode_of
from knowledge.embeddable import texts_of
from knowledge.index import Index

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from knowledge.index import Document
    from knowledge.postings import Floats

#: The entries are hidden one part after the other.
_PARTS = 4
#: Questions asked while a part is hidden.
_ASKED = 75
#: Of a larger base only so many entries are looked at, which bounds the time.
MOST_ENTRIES = 1_000
#: Log odds that such questions had on average in the labelled businesses, and how much
#: of the difference from it showed in their real questions.
_TYPICAL, _SHOWN = 0.1, 0.5
#: With so many questions half of the difference is believed.
_DOUBT = 5
_MOST = 1.0


def self_check(
    documents: Sequence[Document], vectors: Mapping[str, Floats] | None
) -> Adjustment:
    """How much surer or less sure to be about this knowledge; always the same."""
    asked = list(near_misses(documents, vectors))
    entries = len({document.entry for document in documents})
    return adjustment(
        [MODELS[mode_of(features)].odds(features) for features in asked],
        is_part=entries > MOST_ENTRIES,
    )


def adjustment(odds: Sequence[float], *, is_part: bool = False) -> Adjustment:
    """From the log odds of questions without an answer.

    A part of a base confuses less than all of it, and so cannot raise confidence.
    """
    if not odds:
        return NEUTRAL
    believed = _SHOWN * len(odds) / (len(odds) + _DOUBT)
    offset = believed * (_TYPICAL - sum(odds) / len(odds))
    most = 0.0 if is_part else _MOST
    return Adjustment(offset=round(min(most, max(-_MOST, offset)), 4))


def near_misses(
    documents: Sequence[Document], vectors: Mapping[str, Floats] | None
) -> Iterator[Mapping[str, float]]:
    """Features of the searches for hidden entries, part after part."""
    chance = random.Random(len(documents))  # noqa: S311 (no secret)
    entries = sorted({document.entry for document in documents})
    chance.shuffle(entries)
    looked_at = frozenset(entries[:MOST_ENTRIES])
    for part in range(_PARTS):
        hidden = frozenset(entries[part:MOST_ENTRIES:_PARTS])
        left = [each for each in documents if each.entry in looked_at - hidden]
        questions = [
            question
            for document in documents
            if document.entry in hidden
            for question in document.examples or (document.title,)
        ]
        # Of a chunked entry every chunk has the title and the questions.
        questions = list(dict.fromkeys(questions))
        chance.shuffle(questions)
        yield from _ask(left, questions[:_ASKED], vectors)


def _ask(
    documents: Sequence[Document],
    questions: Sequence[str],
    vectors: Mapping[str, Floats] | None,
) -> Iterator[Mapping[str, float]]:
    if not documents or not questions:
        return
    wanted = {
        text for document in documents for text in texts_of(document, in_detail=True)
    }
    known = (
        {text: vectors[text] for text in wanted if text in vectors} if vectors else {}
    )
    index = Index(documents, known)
    for question in questions:
        vector = vectors.get(question) if vectors else None
        result = index.search(question, limit=1, vector=vector)
        if result.hits:
            yield result.features
