"""Knowledge of any size: entries of some 55 words, and questions about them."""

from __future__ import annotations

import random

_SYLLABLES = [
    "ba",
    "ce",
    "di",
    "fo",
    "gu",
    "ha",
    "je",
    "ki",
    "lo",
    "mu",
    "na",
    "pe",
    "qui",
    "ro",
    "su",
    "ta",
    "ve",
    "wi",
    "xo",
    "zu",
    "bra",
    "cle",
    "dri",
    "flo",
    "gru",
    "pla",
    "sce",
    "tri",
    "sto",
    "nd",
    "er",
    "an",
    "is",
    "ol",
    "um",
]
_WORDS = 20_000
_PER_ENTRY = 50
_PER_TITLE = 5


def _vocabulary() -> list[str]:
    chance = random.Random("words")
    found: dict[str, None] = {}
    while len(found) < _WORDS:
        found["".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4)))] = None
    return list(found)


_VOCABULARY = _vocabulary()
#: As in a language: the word of rank n comes up 1/n as often as the first.
_CUMULATED = [sum(1 / rank for rank in range(1, 11))]
for _rank in range(12, _WORDS + 11):
    _CUMULATED.append(_CUMULATED[-1] + 1 / _rank)


def entry(number: int) -> tuple[str, str]:
    """Title and body of an entry; the same ones each time."""
    chance = random.Random(number)
    words = chance.choices(_VOCABULARY, cum_weights=_CUMULATED, k=_PER_ENTRY)
    sentences = [
        " ".join(words[start : start + 12]).capitalize() + "."
        for start in range(0, _PER_ENTRY, 12)
    ]
    title = chance.choices(_VOCABULARY, cum_weights=_CUMULATED, k=_PER_TITLE)
    return " ".join(title).capitalize(), " ".join(sentences)


def question(number: int) -> str:
    """A question about an entry: some of its words among others."""
    chance = random.Random(f"question {number}")
    title, body = entry(number)
    own = chance.sample(f"{title} {body}".lower().replace(".", "").split(), 6)
    return f"How do I {' '.join(own)} please?"
