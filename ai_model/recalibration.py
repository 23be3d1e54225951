"""What judgements of an account teach about its confidence: a line over the log odds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ai_model.confidence import Adjustment

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Judgements below which nothing is learned.
FEWEST = 20
#: How far slope and offset may be expected to move, as standard deviations.
_SPREAD = np.array([0.25, 0.5])
#: A larger confidence stays the larger one, whatever the judgements say.
_SLOPES = (0.25, 4.0)
_NEAR = 1e-6


def recalibrate(
    pairs: Sequence[tuple[float, bool]], expected: Adjustment
) -> Adjustment:
    """The adjustment after these confidences and whether their answers were right.

    Platt's logistic fit, held back towards the expected adjustment as if that had been
    measured before; few judgements move it little. Confidences are unadjusted.
    """
    if len(pairs) < FEWEST:
        return expected
    chances = np.clip([chance for chance, _ in pairs], _NEAR, 1 - _NEAR)
    right = np.array([is_right for _, is_right in pairs], np.float64)
    odds = np.log(chances / (1 - chances))
    design = np.column_stack([odds, np.ones_like(odds)])
    centre = np.array([expected.slope, expected.offset])
    penalty = 1 / _SPREAD**2
    found = centre.copy()
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(design @ found, -30, 30)))
        slope = design.T @ (right - chance) - penalty * (found - centre)
        curve = (design.T * (chance * (1 - chance))) @ design + np.diag(penalty)
        # Damped: a few far outliers must not throw it off.
        step = np.clip(np.linalg.solve(curve, slope), -1, 1)
        found += step
        if np.abs(step).max() < 1e-9:
            break
    least, most = _SLOPES
    return Adjustment(
        round(float(np.clip(found[0], least, most)), 6), round(float(found[1]), 6)
    )
