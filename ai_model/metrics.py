"""Figures that say how good answers are, from labelled questions.

What each one means stands in `docs/howto/evaluate.md`.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

#: A figure; None where there is nothing to take it from.
Figures = dict[str, float | None]

#: Ranks that count for the quality of an order.
_DEPTH: Final = 10
_BINS: Final = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one labelled question."""

    id: str
    question: str
    kind: str
    is_answerable: bool
    #: Where the first right entry stands, from 1; None: not among the first ten.
    rank: int | None
    #: Of a perfect order, 0 to 1.
    gain: float
    confidence: float
    is_answered: bool
    #: Entries that were named, and how many of them do not exist.
    cited: int
    unknown: int
    #: Whether a known wording of the answer is in the reply, and the best overlap with
    #: one; None where no wording is known or nothing was said.
    contains: bool | None = None
    overlap: float | None = None
    #: The same of what would be quoted if it were sure.
    quote_contains: bool | None = None
    latency_ms: float | None = None

    @property
    def is_right(self) -> bool:
        """Whether the first entry is a right one."""
        return self.is_answerable and self.rank == 1

    @property
    def is_good(self) -> bool:
        """Answered with the right entry, or rightly not answered."""
        return self.is_right if self.is_answered else not self.is_answerable


def place(found: Sequence[str], wanted: frozenset[str]) -> tuple[int | None, float]:
    """Rank of the first right entry and normalised gain of the first ten."""
    first = list(dict.fromkeys(found))[:_DEPTH]
    hits = [rank for rank, entry in enumerate(first, 1) if entry in wanted]
    if not hits:
        return None, 0.0
    ideal = sum(_worth(rank) for rank in range(1, min(len(wanted), _DEPTH) + 1))
    return hits[0], sum(map(_worth, hits)) / ideal


def _worth(rank: int) -> float:
    return 1 / math.log2(rank + 1)


# -- the words of an answer ----------------------------------------------------

_MARKS: Final = str.maketrans(dict.fromkeys(string.punctuation + "«»„“”¿¡’", " "))
_ARTICLE: Final = re.compile(r"\b(?:a|an|the)\b")


def compare_words(answer: str, known: Iterable[str]) -> tuple[bool, float]:
    """Whether one of the known wordings is in an answer, and the best overlap (F1)."""
    words = _words(answer)
    line = f" {' '.join(words)} "
    wanted = [_words(each) for each in known]
    contains = any(each and f" {' '.join(each)} " in line for each in wanted)
    return contains, max((_overlap(words, each) for each in wanted), default=0.0)


def _words(text: str) -> list[str]:
    return _ARTICLE.sub(" ", text.lower().translate(_MARKS)).split()


def _overlap(words: Sequence[str], wanted: Sequence[str]) -> float:
    if not words or not wanted:
        return float(words == wanted)
    same = (Counter(words) & Counter(wanted)).total()
    return 2 * same / (len(words) + len(wanted))


# -- figures -------------------------------------------------------------------


def measure(outcomes: Sequence[Outcome]) -> Figures:
    """All figures of some questions."""
    figures: Figures = {"questions": len(outcomes)}
    yes = [each for each in outcomes if each.is_answerable]
    no = [each for each in outcomes if not each.is_answerable]
    figures["answerable"] = len(yes)
    for depth in (1, 3, 5):
        figures[f"recall@{depth}"] = _mean(float(_within(each, depth)) for each in yes)
    figures["mrr@10"] = _mean(1 / each.rank if each.rank else 0.0 for each in yes)
    figures["ndcg@10"] = _mean(each.gain for each in yes)
    pairs = [(each.confidence, each.is_right) for each in outcomes]
    figures |= _of_confidence(pairs)
    for percent in (95, 99):
        count = most_answered(pairs, percent / 100)
        figures[f"coverage@{percent}"] = count / len(pairs) if pairs else None
        figures[f"automated@{percent}"] = count / len(yes) if yes else None
    answered = [each for each in outcomes if each.is_answered]
    figures["answered_share"] = _share(outcomes, lambda each: each.is_answered)
    figures["answered_precision"] = _share(answered, lambda each: each.is_right)
    figures["false_answer_rate"] = _share(no, lambda each: each.is_answered)
    figures["right_but_escalated"] = _share(
        [each for each in outcomes if each.is_right], lambda each: not each.is_answered
    )
    cited = sum(each.cited for each in outcomes)
    figures["unknown_source_rate"] = sum(each.unknown for each in outcomes) / max(
        1, cited
    )
    quoted = [each for each in outcomes if each.contains is not None]
    figures["answer_contains"] = _share(quoted, lambda each: bool(each.contains))
    figures["quote_contains"] = _share(
        [each for each in outcomes if each.quote_contains is not None],
        lambda each: bool(each.quote_contains),
    )
    figures["answer_f1"] = _mean(each.overlap or 0.0 for each in quoted)
    times = [each.latency_ms for each in outcomes if each.latency_ms is not None]
    for percent in (50, 95, 99):
        figures[f"latency_p{percent}_ms"] = percentile(times, percent)
    return figures


def _within(outcome: Outcome, depth: int) -> bool:
    return outcome.rank is not None and outcome.rank <= depth


def _of_confidence(pairs: Sequence[tuple[float, bool]]) -> Figures:
    return {
        "auroc": auroc(pairs),
        "aupr": average_precision(pairs),
        "ece": calibration_error(pairs),
        "brier": _mean((chance - right) ** 2 for chance, right in pairs),
    }


def auroc(pairs: Sequence[tuple[float, bool]]) -> float | None:
    """Chance that a right answer is surer than another question; ties count half."""
    right = sum(is_right for _, is_right in pairs)
    wrong = len(pairs) - right
    if not right or not wrong:
        return None
    wins = below = 0.0
    for count, hits in reversed(_levels(pairs)):
        misses = count - hits
        wins += hits * (below + misses / 2)
        below += misses
    return wins / (right * wrong)


def average_precision(pairs: Sequence[tuple[float, bool]]) -> float | None:
    """Area under precision over recall, step by step."""
    right = sum(is_right for _, is_right in pairs)
    if not right:
        return None
    area = 0.0
    taken = hit = 0
    for count, hits in _levels(pairs):
        taken, hit = taken + count, hit + hits
        area += hits / right * hit / taken
    return area


def most_answered(pairs: Sequence[tuple[float, bool]], precision: float) -> int:
    """How many of the surest questions can be answered at this precision."""
    best = taken = hit = 0
    for count, hits in _levels(pairs):
        taken, hit = taken + count, hit + hits
        if hit / taken >= precision:
            best = taken
    return best


def _levels(pairs: Sequence[tuple[float, bool]]) -> list[tuple[int, int]]:
    """For each distinct confidence, surest first: questions, and right ones."""
    counts: dict[float, list[int]] = {}
    for chance, is_right in pairs:
        level = counts.setdefault(chance, [0, 0])
        level[0] += 1
        level[1] += is_right
    return [(counts[chance][0], counts[chance][1]) for chance in sorted(counts)[::-1]]


def calibration_error(pairs: Sequence[tuple[float, bool]]) -> float | None:
    """Distance between confidence and truth in ten bins of equal width."""
    bins: dict[int, float] = {}
    for chance, is_right in pairs:
        row = min(int(chance * _BINS), _BINS - 1)
        bins[row] = bins.get(row, 0.0) + chance - is_right
    return sum(map(abs, bins.values())) / len(pairs) if pairs else None


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The smallest value that so many percent do not exceed."""
    ranked = sorted(values)
    if not ranked:
        return None
    return ranked[max(0, math.ceil(percent / 100 * len(ranked)) - 1)]


def macro(figures: Sequence[Figures]) -> Figures:
    """The mean over businesses of each figure; questions are summed up."""
    names = dict.fromkeys(name for each in figures for name in each)
    found: Figures = {
        name: _mean(value for each in figures if (value := each.get(name)) is not None)
        for name in names
    }
    for name in ("questions", "answerable"):
        found[name] = sum(each.get(name) or 0 for each in figures)
    return found


def _mean(values: Iterable[float]) -> float | None:
    known = list(values)
    return sum(known) / len(known) if known else None


def _share(
    outcomes: Sequence[Outcome], claim: Callable[[Outcome], bool]
) -> float | None:
    return _mean(float(claim(each)) for each in outcomes)


# -- requests for a person -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class Judged:
    """A message, whether it asks for a person, and whether we thought so."""

    lang: str
    asks: bool
    said: bool


def measure_handoff(judged: Sequence[Judged]) -> Figures:
    """F1, false alarms, and the distance between the best and the worst language."""
    by_lang: dict[str, list[Judged]] = {}
    for each in judged:
        by_lang.setdefault(each.lang, []).append(each)
    scores = [_f1(each) for each in by_lang.values()]
    others = [each for each in judged if not each.asks]
    return {
        "messages": len(judged),
        "f1": _f1(judged),
        "false_alarms": _mean(float(each.said) for each in others),
        "language_gap": max(scores) - min(scores) if scores else None,
    }


def _f1(judged: Sequence[Judged]) -> float:
    both = sum(each.asks and each.said for each in judged)
    wrong = sum(each.asks != each.said for each in judged)
    return 2 * both / (2 * both + wrong) if both + wrong else 1.0
