"""What a model's own judgement does to the confidence of the search.

`docs/decisions/010` argues the numbers.
"""

from __future__ import annotations

from typing import Final

#: A judgement below this is a no.
EVEN: Final = 0.5
#: At most so many times better become the odds by a model that is quite sure.
MOST_RAISE: Final = 4.0


def weigh(sure: float, judgement: float | None) -> float:
    """The confidence after a model has judged; it may lower freely, raise a little."""
    if judgement is None or sure <= 0:
        return sure
    if judgement < EVEN:
        return min(sure, judgement)
    raised = sure * (1 + (MOST_RAISE - 1) * (judgement - EVEN) / (1 - EVEN))
    return raised / (raised + 1 - sure)


def is_worth_asking(sure: float, threshold: float) -> bool:
    """Whether any judgement could lift this confidence to the threshold."""
    return weigh(sure, 1.0) >= threshold
