"""The few sentences of a passage that answer a question, word for word."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from knowledge import text

#: Longest body that is read, in characters.
_LONGEST = 20_000
#: What a part of the question is still worth once a chosen sentence holds it.
_REPEATED = 0.5


def extract(
    question: str,
    passages: Sequence[tuple[str, str]],
    *,
    lang: str = "",
    max_words: int = 60,
) -> str:
    """The sentences of the first passage that answer best, in their order.

    ``passages`` are titles and Markdown bodies, best first; the others only tell which
    words are common. A body of at most ``max_words`` words is given whole. Headings
    and Markdown marks are left out; empty when there is nothing to quote.
    """
    if not passages:
        return ""
    sentences = _sentences(passages[0][1])
    if sum(map(_length, sentences)) <= max_words:
        return " ".join(sentences)
    lang = lang or text.detect_language(passages[0][1])
    context = [*sentences]
    for _, body in passages[1:]:
        context += _sentences(body)
    weights = _weights(question, context, lang)
    chosen = _choose(
        [(line, _parts(line, lang)) for line in sentences], weights, max_words
    )
    return " ".join(sentences[row] for row in sorted(chosen))


def _sentences(body: str) -> list[str]:
    return [
        sentence
        for sentence in text.sentences(body[:_LONGEST])
        if any(letter.isalnum() for letter in sentence)
    ]


def _length(sentence: str) -> int:
    return len(sentence.split())


def _parts(line: str, lang: str) -> frozenset[str]:
    """Stems and letter groups; letter groups are told apart by a mark in front."""
    groups = {f"~{group}" for group in text.ngrams(line, lang, (4,))}
    return frozenset(groups.union(text.stems(line, lang)))


def _weights(question: str, context: Iterable[str], lang: str) -> dict[str, float]:
    """What each part of the question tells among the sentences at hand.

    The stems together and the letter groups together count half each.
    """
    seen = [_parts(line, lang) for line in context]
    spread = Counter(part for parts in seen for part in parts)
    weights = {
        part: math.log1p((len(seen) - spread[part] + 0.5) / (spread[part] + 0.5))
        for part in _parts(question, lang)
    }
    totals = Counter[bool]()
    for part, weight in weights.items():
        totals[part.startswith("~")] += weight  # type: ignore[assignment]
    return {
        part: weight / max(totals[part.startswith("~")], 1e-6)
        for part, weight in weights.items()
    }


def _choose(
    lines: Sequence[tuple[str, frozenset[str]]],
    weights: dict[str, float],
    max_words: int,
) -> set[int]:
    """Takes the sentence that adds most, again and again, while there is room."""
    chosen: set[int] = set()
    held: set[str] = set()
    room = max_words
    while True:
        gains = {
            row: sum(
                weights.get(part, 0.0) * (_REPEATED if part in held else 1.0)
                for part in parts
            )
            for row, (line, parts) in enumerate(lines)
            if row not in chosen and (not chosen or _length(line) <= room)
        }
        if not gains or room <= 0:
            return chosen
        best = max(gains, key=lambda row: (gains[row], -row))
        chosen.add(best)
        held |= lines[best][1]
        room -= _length(lines[best][0])
