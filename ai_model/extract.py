"""The few sentences of a passage that answer a question, word for word."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from knowledge import text

#: Longest body that is read, in characters.
_LONGEST = 20_000
#: What a part of the question is still worth once a chosen sentence holds it.
_REPEATED = 0.5
#: What a number is worth to a question for one, beside a whole question's 2.
_NUMBER = 0.2
#: How much long sentences lose against short ones: the exponent of their length.
_LENGTH_COST = 0.2


def extract(
    question: str,
    passages: Sequence[tuple[str, str]],
    *,
    lang: str = "",
    max_words: int = 60,
) -> str:
    """The sentences of the first passage that answer best, in their order.

    ``passages`` are titles and Markdown bodies, best first; the others only tell which
    words are common. There are at most ``max_words``; only a sentence longer than that
    is cut. A short body is given whole. Headings and Markdown marks are left out; empty
    when there is nothing to quote.
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
    if text.asks_quantity(question):
        weights |= {f"#{number}": _NUMBER for number in _numbers(sentences, question)}
    lines = [(_length(line), _parts(line, lang)) for line in sentences]
    chosen = sorted(_choose(lines, weights, max_words))
    if len(chosen) == 1:
        return _shortened(sentences[chosen[0]], weights, lang, max_words)
    return " ".join(sentences[row] for row in chosen)


def _shortened(line: str, weights: dict[str, float], lang: str, max_words: int) -> str:
    """The part of a long sentence that tells most, its gaps marked with "…".

    It starts with a clause, where the sentence has some.
    """
    words = line.split()
    last = len(words) - max_words
    if last <= 0:
        return line
    told = [
        sum(weights.get(part, 0.0) for part in _parts(word, lang)) for word in words
    ]
    edges = [at for at in range(1, last) if words[at - 1][-1] in _CLAUSE_ENDS]
    starts = [0, *(edges or range(1, last)), last]
    start = max(starts, key=lambda at: sum(told[at : at + max_words]))
    cut = " ".join(words[start : start + max_words])
    before = "…" if start else ""
    return before + (cut if start == last else f"{cut.rstrip(_CLAUSE_ENDS)}…")


_CLAUSE_ENDS = ",;:)—–"


def _sentences(body: str) -> list[str]:
    return [
        sentence
        for sentence in text.sentences(body[:_LONGEST])
        if any(letter.isalnum() for letter in sentence)
    ]


def _length(sentence: str) -> int:
    return len(sentence.split())


def _numbers(sentences: Sequence[str], question: str) -> set[str]:
    """Numbers in the sentences that are not in the question."""
    found = {number for line in sentences for number in _DIGITS.findall(line)}
    return found.difference(_DIGITS.findall(question))


_DIGITS = re.compile(r"\d+")


def _parts(line: str, lang: str) -> frozenset[str]:
    """Stems, letter groups marked with ``~`` in front and numbers marked with ``#``."""
    groups = (f"~{group}" for group in text.ngrams(line, lang, (4,)))
    numbers = (f"#{number}" for number in _DIGITS.findall(line))
    return frozenset(text.stems(line, lang)).union(groups, numbers)


def _weights(question: str, context: Iterable[str], lang: str) -> dict[str, float]:
    """What each part of the question tells among the sentences at hand.

    The stems together and the letter groups together count half each.
    """
    seen = [_parts(line, lang) for line in context]
    spread = Counter(part for parts in seen for part in parts)
    weights = {
        part: math.log1p((len(seen) - spread[part] + 0.5) / (spread[part] + 0.5))
        for part in _parts(question, lang)
        if part[0] != "#"
    }
    totals = {True: 1e-6, False: 1e-6}
    for part, weight in weights.items():
        totals[part[0] == "~"] += weight
    return {part: weight / totals[part[0] == "~"] for part, weight in weights.items()}


def _choose(
    lines: Sequence[tuple[int, frozenset[str]]],
    weights: dict[str, float],
    max_words: int,
) -> set[int]:
    """Takes the sentence that adds most, again and again, while there is room.

    ``lines`` are the lengths and parts of the sentences. The first one taken may be
    longer than ``max_words``; then it is the only one.
    """
    chosen: set[int] = set()
    held: set[str] = set()
    room = max_words
    while room > 0:
        gains = {
            row: _gain(parts, held, weights) / max(length, 5) ** _LENGTH_COST
            for row, (length, parts) in enumerate(lines)
            if row not in chosen and (not chosen or length <= room)
        }
        if not gains:
            break
        best = max(gains, key=lambda row: (gains[row], -row))
        chosen.add(best)
        held |= lines[best][1]
        room -= lines[best][0]
    return chosen


def _gain(parts: frozenset[str], held: set[str], weights: dict[str, float]) -> float:
    """What a sentence adds; several numbers count as one."""
    wanted = parts & weights.keys()
    words = sum(
        weights[part] * (_REPEATED if part in held else 1.0)
        for part in wanted
        if part[0] != "#"
    )
    return words + _NUMBER * any(part[0] == "#" for part in wanted)
