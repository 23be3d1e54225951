"""The lowest threshold that keeps a wrong-answer budget, as far as judgements prove it.

Learn-then-Test (Angelopoulos and others, 2021) over a fixed grid of thresholds, from
strict to lax, with several starts and exact binomial bounds; why it is done so stands in
`docs/decisions/008-the-budget-is-kept-by-learn-then-test.md`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: How sure a promise is: it is broken for at most one account in ten.
CERTAINTY = 0.9
#: The budget for which the shipped threshold was chosen.
SHIPPED_BUDGET = 0.05
#: No budget, however large, lets less sure answers out.
FLOOR = 0.5
#: Fixed before anybody looks at judgements, strict ones first.
GRID = tuple(round(each / 100, 2) for each in range(99, 49, -1))
#: Where testing begins anew when stricter thresholds had too few judgements.
STARTS = (0.97, 0.9, 0.75)
#: What each start may spend of the doubt that is allowed.
SHARE = (1 - CERTAINTY) / len(STARTS)


@dataclass(frozen=True, slots=True)
class Case:
    """One question of the past."""

    #: Before any adjustment, so that no judgement has moved it.
    confidence: float
    #: Whether it was answered; else it was handed over.
    answered: bool
    #: Whether the answer was, or would have been, right; None: nobody has judged it.
    right: bool | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """A threshold, on the scale of the cases, that was shown to keep a budget."""

    threshold: float
    #: Judged cases from this threshold on, and the wrong ones of them.
    judged: int
    wrong: int


@dataclass(frozen=True, slots=True)
class Choice:
    """The threshold for a budget, on the adjusted scale, and why it is that one."""

    threshold: float
    #: None: too little is known, and the prior speaks.
    proof: Proof | None
    #: The smallest budget that could be proved today; 1: none.
    least: float


def threshold_for(
    cases: Sequence[Case],
    budget: float,
    shipped: float,
    adjust: Callable[[float], float] = float,
) -> Choice:
    """The threshold that an account with this budget and these cases answers from.

    Without a proof it is the prior's, but never laxer than what the smallest budget
    that can be proved would get: more is not answered because less may go wrong.
    """
    grid = [each for each in GRID if adjust(each) >= FLOOR]
    least = least_budget(cases)
    proof = certify(cases, budget, grid)
    if proof is not None:
        return Choice(round(adjust(proof.threshold), 4), proof, least)
    threshold = prior_threshold(budget, shipped)
    nearest = certify(cases, least, grid)
    if nearest is not None:
        threshold = max(threshold, adjust(nearest.threshold))
    return Choice(round(threshold, 4), None, least)


def certify(
    cases: Sequence[Case], budget: float, grid: Sequence[float] = GRID
) -> Proof | None:
    """The lowest threshold that keeps the budget; None: there is no proof of any.

    All thresholds that pass are right together, with `CERTAINTY`, so the choice among
    them costs nothing. The judged among answered cases must be like those that nobody
    judged, and the same for those handed over.
    """
    evidence = _Evidence(cases)
    found = None
    level = 0.0
    for threshold in grid:
        level += SHARE if threshold in STARTS else 0.0
        # What a threshold was allowed to spend goes on to the next if it passes.
        if level and evidence.bound(threshold, level) <= budget:
            found = threshold
        else:
            level = 0.0
    return evidence.proof(found) if found is not None else None


def least_budget(cases: Sequence[Case]) -> float:
    """The smallest budget that can be proved of any threshold; 1: none."""
    evidence = _Evidence(cases)
    return min(evidence.bound(start, SHARE) for start in STARTS)


def fewest_judged(budget: float) -> int:
    """How many judged answers, all right, it takes to prove a budget."""
    return math.ceil(math.log(SHARE) / math.log1p(-budget))


def prior_threshold(budget: float, shipped: float) -> float:
    """The threshold for a budget where no judgements are: from the shipped one.

    The shipped threshold keeps the shipped budget on businesses that the model had not
    seen; other budgets move it by as much, in log odds, as they differ from that one.
    """
    moved = _log_odds(SHIPPED_BUDGET) - _log_odds(budget)
    return max(FLOOR, 1 / (1 + math.exp(-_log_odds(shipped) - moved)))


def _log_odds(chance: float) -> float:
    return math.log(chance / (1 - chance))


class _Evidence:
    """What judgements say of the cases from a threshold on."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._confidences = np.array([each.confidence for each in cases], np.float64)
        answered = np.array([each.answered for each in cases], np.bool_)
        # Answers are judged more often than handoffs: each kind is bounded by itself.
        self._kinds = (answered, ~answered)
        self._judged = np.array([each.right is not None for each in cases], np.bool_)
        self._wrong = np.array([each.right is False for each in cases], np.bool_)

    def bound(self, threshold: float, level: float) -> float:
        """What the share of wrong ones exceeds with at most this probability."""
        above = self._confidences >= threshold
        kinds = [above & kind for kind in self._kinds if (above & kind).any()]
        total = int(above.sum())
        # Each kind counts as often as it occurs, judged or not.
        bounds = (
            int(rows.sum())
            * upper_bound(
                int((rows & self._wrong).sum()),
                int((rows & self._judged).sum()),
                level / len(kinds),
            )
            for rows in kinds
        )
        return sum(bounds) / total if total else 1.0

    def proof(self, threshold: float) -> Proof:
        """The counts that a proof rests on."""
        above = self._confidences >= threshold
        return Proof(
            threshold,
            int((above & self._judged).sum()),
            int((above & self._wrong).sum()),
        )


@lru_cache(maxsize=65_536)
def upper_bound(wrong: int, count: int, level: float) -> float:
    """Exact bound on a share by Clopper and Pearson, exceeded with this probability."""
    if wrong >= count:
        return 1.0
    steps = np.arange(wrong + 1)
    choices = np.concatenate(
        ([0.0], np.cumsum(np.log((count - steps[:-1]) / (steps[:-1] + 1))))
    )
    low, high = wrong / count, 1.0
    for _ in range(40):
        share = (low + high) / 2
        logs = choices + steps * math.log(share) + (count - steps) * math.log1p(-share)
        if np.exp(logs).sum() > level:
            low = share
        else:
            high = share
    return high
