"""Questions that only make sense after the one before: "and how long does that take?"

They are told by what all languages do alike: a joining word in front, a word that
points back, or nothing but question words. The question before then lends its words.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ai_model.figures import figures
from knowledge import text as words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from knowledge.index import Document

_DATA: Final = {
    kind: {
        lang: frozenset(map(words.fold, listed.split()))
        for lang, listed in known.items()
    }
    for kind, known in json.loads(
        Path(__file__).with_name("followups.json").read_text("utf-8")
    ).items()
}
#: Words of their own that a question may have and still lean on the one before.
_MOST_OWN: Final = 3
#: Longest question that is looked at, in words.
_LONGEST: Final = 12
#: Questions that one may reach back over, each leaning on the one before.
_REACH: Final = 3


def leans(question: str, lang: str) -> bool:
    """Whether a question may be asking about what was said before it."""
    tokens = [words.fold(each) for each in words.tokenise(question)]
    if not tokens or len(tokens) > _LONGEST:
        return False
    own = _own_words(question, lang)
    joins = tokens[0] in _known("joining", lang)
    points = not _known("pointing", lang).isdisjoint(tokens)
    if own:
        return len(own) <= _MOST_OWN and (joins or points)
    # "Ok then" asks nothing.
    asks = not _known("asking", lang).isdisjoint(tokens)
    return asks or ("?" in question and (joins or points))


def is_bare(question: str, lang: str) -> bool:
    """Whether a question says nothing at all of what it is about."""
    return not _own_words(question, lang)


def with_context(question: str, before: Sequence[str], lang: str) -> str:
    """The question with the one it leans on in front; empty when there is none.

    `before` are the contact's earlier questions, oldest first.
    """
    lent: list[str] = []
    for each in reversed(before[-_REACH:]):
        lent.insert(0, each)
        if not leans(each, words.detect_language(each) or lang):
            return "\n".join([*lent, question])
    return ""


def is_about(document: Document, question: str, lang: str) -> bool:
    """Whether the entry speaks of all that the question says by itself.

    What the question before has lent says nothing about this one. Who asks how long
    or how much wants a number.
    """
    if words.asks_quantity(question) and not figures(document.body).values:
        return False
    known = frozenset(
        words.stems(f"{document.title} {document.body}", document.lang or lang)
    )
    return all(
        words.stem(each, lang) in known or words.stem(each, document.lang) in known
        for each in _own_words(question, lang)
    )


def _own_words(question: str, lang: str) -> list[str]:
    """What a question is about by itself: no stop words, pointers, question words."""
    stop = words.STOP_WORDS.get(lang, frozenset())
    empty = frozenset[str]().union(*(_known(kind, lang) for kind in _DATA))
    return [
        each
        for each in words.tokenise(question)
        if each not in stop and words.fold(each) not in empty
    ]


def _known(kind: str, lang: str) -> frozenset[str]:
    """The words of a kind in this language; of an unknown one, in all."""
    known = _DATA[kind]
    return known[lang] if lang in known else frozenset[str]().union(*known.values())
