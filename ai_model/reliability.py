"""How often answers of a stated confidence turned out right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ai_model.risk import CERTAINTY, upper_bound

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Where groups of confidences begin; the last one ends at 1.
EDGES = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


@dataclass(frozen=True, slots=True)
class Group:
    """Judged answers of about the same confidence."""

    #: The mean of what was stated, and the share that was right.
    stated: float
    right: float
    #: Between these the true share lies, with `CERTAINTY`.
    least: float
    most: float
    count: int


def reliability(pairs: Sequence[tuple[float, bool]]) -> list[Group]:
    """The groups in which there are judged answers, least sure first."""
    found = []
    for low, high in zip(EDGES, (*EDGES[1:], 1.1), strict=True):
        own = [pair for pair in pairs if low <= pair[0] < high]
        if own:
            found.append(_group(own))
    return found


def _group(pairs: Sequence[tuple[float, bool]]) -> Group:
    count = len(pairs)
    right = sum(is_right for _, is_right in pairs)
    level = (1 - CERTAINTY) / 2
    return Group(
        stated=sum(chance for chance, _ in pairs) / count,
        right=right / count,
        least=1 - upper_bound(count - right, count, level),
        most=upper_bound(right, count, level),
        count=count,
    )
