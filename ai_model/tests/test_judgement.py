"""What a model's own judgement does to the confidence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_model.judgement import is_worth_asking, weigh

shares = st.floats(0, 1)


@pytest.mark.parametrize(
    ("sure", "judgement", "expected"),
    [
        (0.7, None, 0.7), (0.7, 0.5, 0.7), (0.7, 1.0, 0.903), (0.5, 1.0, 0.8),
        (0.9, 0.2, 0.2), (0.1, 0.2, 0.1), (0.0, 1.0, 0.0), (1.0, 1.0, 1.0),
    ],
)  # fmt: skip
def test_a_model_lowers_freely_and_raises_a_little(
    sure: float, judgement: float | None, expected: float
) -> None:
    assert weigh(sure, judgement) == pytest.approx(expected, abs=0.001)


@given(shares, shares, shares)
def test_a_better_judgement_never_makes_less_sure(
    sure: float, one: float, other: float
) -> None:
    low, high = sorted((one, other))

    assert 0 <= weigh(sure, low) <= weigh(sure, high) + 1e-12 <= 1 + 1e-9


@pytest.mark.parametrize(
    ("sure", "threshold", "expected"),
    [(0.7, 0.9, True), (0.6, 0.9, False), (0.9, 0.9, True), (0.99, 1.0, False)],
)
def test_no_model_is_asked_in_vain(
    sure: float, threshold: float, expected: bool
) -> None:
    assert is_worth_asking(sure, threshold) is expected
