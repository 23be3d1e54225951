"""How much of a question one document speaks of, word by word."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from knowledge import text
from knowledge.concepts import concepts_of

#: What a word counts that the document only has another word for.
_BY_CONCEPT = 0.7
_NAME = re.compile(
    r"(?<=[^\W_] )[A-ZА-ЯӨҮЁ][^\W\d_]+|(?<=[^\W_]' )[A-ZА-ЯӨҮЁ][^\W\d_]+"
)
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of a document: its stems, and the concepts it touches."""

    stems: frozenset[str]
    ideas: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Reading:
    """What there is to know of a document, whatever is asked."""

    whole: _Part
    title: _Part
    #: Each two sentences that follow each other, with the title.
    windows: tuple[_Part, ...]
    lower: str


# The same few documents answer most of what is asked.
@lru_cache(maxsize=512)
def _read(title: str, body: str, examples: Sequence[str], lang: str) -> _Reading:
    whole = f"{title}\n{body}\n" + "\n".join(examples)
    pairs = list(pairwise(text.sentences(body)))[:_MOST]
    return _Reading(
        whole=_part(whole, lang),
        title=_part(title, lang),
        windows=tuple(_part(f"{title} {one} {two}", lang) for one, two in pairs),
        lower=text.normalise(whole),
    )


def _part(content: str, lang: str) -> _Part:
    stems = text.stems(content, lang, keep_stop_words=True)
    return _Part(frozenset(stems), frozenset(concepts_of(stems, _concept_lang(lang))))


def _concept_lang(lang: str) -> str:
    return "mn" if lang == "mn-Latn" else lang


def explain(
    query: str,
    lang: str,
    title: str,
    body: str,
    examples: Sequence[str],
    tells: Callable[[str], float],
) -> dict[str, float]:
    """Features: which part of what the question tells the document explains.

    ``tells`` gives the weight of a stem: its idf in the index.
    """
    stems = list(dict.fromkeys(text.stems(query, lang)))
    weights = {stem: tells(stem) for stem in stems}
    total = sum(weights.values()) or 1.0
    meant = {stem: set(concepts_of([stem], _concept_lang(lang))) for stem in stems}

    def share(part: _Part) -> tuple[float, float]:
        """What a part explains by the very words, and by its concepts too."""
        words = sum(weight for stem, weight in weights.items() if stem in part.stems)
        others = sum(
            weight
            for stem, weight in weights.items()
            if stem not in part.stems and meant[stem] & part.ideas
        )
        return words / total, (words + _BY_CONCEPT * others) / total

    reading = _read(title, body, tuple(examples), lang)
    words, explained = share(reading.whole)
    windows = reading.windows or (reading.whole,)
    names = [name.casefold() for name in _NAME.findall(query)]
    numbers = _NUMBER.findall(query)
    return {
        "held": words,
        "explained": explained,
        "explained_title": share(reading.title)[1],
        "explained_nearby": max(share(part)[1] for part in windows),
        "names_missing": _missing(names, reading.lower),
        "numbers_missing": _missing(numbers, reading.lower),
    }


_MOST = 40


def _missing(parts: Sequence[str], content: str) -> float:
    """Share of the parts that a text lacks."""
    return sum(part not in content for part in parts) / len(parts) if parts else 0.0
