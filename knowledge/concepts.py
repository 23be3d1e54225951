"""Everyday business ideas and the words for them in each language.

"How much is it" and "price list" share no word, and "цена" shares none with "price";
they share the concept ``price``. The table is general; it knows no single business.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from knowledge import text

_DATA: dict[str, dict[str, str]] = json.loads(
    Path(__file__).with_name("concepts.json").read_text("utf-8")
)
#: Phrases by their first stem: the stems, and the concept they stand for.
Phrases = dict[str, list[tuple[tuple[str, ...], str]]]


@lru_cache(maxsize=16)
def _phrases(lang: str) -> Phrases:
    found: Phrases = {}
    for concept, words in _DATA.items():
        for phrase in words.get(lang, "").split():
            stems = tuple(
                text.stem(word, lang)
                for word in text.tokenise(phrase.replace("_", " ").replace("-", " "))
            )
            found.setdefault(stems[0], []).append((stems, concept))
    return found


def concepts(content: str, lang: str) -> list[str]:
    """The concepts a text touches, once for every word or phrase that does."""
    stems = text.stems(content, lang, keep_stop_words=True)
    return concepts_of(stems, "mn" if lang == "mn-Latn" else lang)


def concepts_of(stems: Sequence[str], lang: str) -> list[str]:
    """The same, from stems with stop words."""
    phrases = _phrases(lang)
    found = []
    for at, stem in enumerate(stems):
        for phrase, concept in phrases.get(stem, ()):
            if tuple(stems[at : at + len(phrase)]) == phrase:
                found.append(concept)
    return found
