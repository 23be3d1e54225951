"""What judgements teach: little at first, the truth in the end, and never upside down."""

from __future__ import annotations

import numpy as np
import pytest

from ai_model.confidence import NEUTRAL, Adjustment
from ai_model.recalibration import FEWEST, recalibrate


def judged(count, slope, offset, seed=3):
    """Confidences whose answers are right as the line over the log odds says."""
    chance = np.random.default_rng(seed)
    stated = chance.beta(4, 1, count)
    truth = 1 / (1 + np.exp(-(slope * np.log(stated / (1 - stated)) + offset)))
    right = chance.random(count) < truth
    return [(float(a), bool(b)) for a, b in zip(stated, right, strict=True)]


def test_too_few_judgements_teach_nothing():
    expected = Adjustment(0.9, -0.2)

    assert recalibrate([], expected) == expected
    assert recalibrate([(0.9, False)] * (FEWEST - 1), expected) == expected


def test_many_judgements_find_the_truth():
    found = recalibrate(judged(20_000, 0.7, -0.6), NEUTRAL)

    assert found.slope == pytest.approx(0.7, abs=0.05)
    assert found.offset == pytest.approx(-0.6, abs=0.08)


def test_few_judgements_move_it_part_of_the_way():
    few = recalibrate(judged(40, 1.0, -1.0), NEUTRAL)
    more = recalibrate(judged(400, 1.0, -1.0), NEUTRAL)

    assert NEUTRAL.apply(0.9) > few.apply(0.9) > more.apply(0.9)


def test_what_was_expected_stays_when_judgements_agree_with_it():
    expected = Adjustment(1.2, 0.4)

    found = recalibrate(judged(300, 1.2, 0.4), expected)

    assert found.apply(0.8) == pytest.approx(expected.apply(0.8), abs=0.03)


@pytest.mark.parametrize(
    "pairs",
    [
        [(0.99, False)] * 500 + [(0.01, True)] * 500,
        [(1.0, True), (0.0, False)] * 200,
        [(0.9, False)] * 2_000,
        [(0.9, True)] * 2_000,
    ],
    ids=["upside down", "extremes", "all wrong", "all right"],
)
def test_a_larger_confidence_stays_the_larger_one(pairs):
    found = recalibrate(pairs, NEUTRAL)

    scale = [found.apply(each) for each in (0.01, 0.3, 0.5, 0.9, 0.99)]
    assert scale == sorted(scale)
    assert len(set(scale)) == 5
    assert all(0 < each < 1 for each in scale)


def test_undoing_an_adjustment_gives_back_what_it_was_made_from():
    adjustment = Adjustment(0.8, -0.5)

    for chance in (0.02, 0.5, 0.9, 0.998):
        assert adjustment.undo(adjustment.apply(chance)) == pytest.approx(chance)
    assert 0 < adjustment.undo(0.0) < adjustment.undo(1.0) < 1
    assert NEUTRAL.undo(0.7) == 0.7
