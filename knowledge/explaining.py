"""How much of a question one document speaks of, word by word."""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from knowledge import text
from knowledge.concepts import concepts_of

#: What a word counts that the document only has another word for.
_BY_CONCEPT = 0.7
_NAME = re.compile(
    r"(?<=[^\W_] )[A-ZА-ЯӨҮЁ][^\W\d_]+|(?<=[^\W_]' )[A-ZА-ЯӨҮЁ][^\W\d_]+"
)
_NUMBER = re.compile(r"\d+")


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
    concept_lang = "mn" if lang == "mn-Latn" else lang
    meant = {stem: set(concepts_of([stem], concept_lang)) for stem in stems}

    def share(content: str) -> tuple[float, float]:
        """What a text explains by the very words, and by its concepts too."""
        found = text.stems(content, lang, keep_stop_words=True)
        held, ideas = set(found), set(concepts_of(found, concept_lang))
        words = sum(weight for stem, weight in weights.items() if stem in held)
        others = sum(
            weight
            for stem, weight in weights.items()
            if stem not in held and meant[stem] & ideas
        )
        return words / total, (words + _BY_CONCEPT * others) / total

    whole = f"{title}\n{body}\n" + "\n".join(examples)
    words, explained = share(whole)
    parts = text.sentences(body)
    windows = [f"{title} {first} {second}" for first, second in pairwise(parts)]
    best = max((share(part)[1] for part in windows[:_MOST] or [whole]), default=0.0)
    lower = text.normalise(whole)
    names = [name.casefold() for name in _NAME.findall(query)]
    numbers = _NUMBER.findall(query)
    return {
        "held": words,
        "explained": explained,
        "explained_title": share(title)[1],
        "explained_nearby": best,
        "names_missing": _missing(names, lower),
        "numbers_missing": _missing(numbers, lower),
    }


_MOST = 40


def _missing(parts: Sequence[str], content: str) -> float:
    """Share of the parts that a text lacks."""
    return sum(part not in content for part in parts) / len(parts) if parts else 0.0
