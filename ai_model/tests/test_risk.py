"""The budget is kept: counted over thousands of simulated accounts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ai_model import risk
from ai_model.risk import Case

ACCOUNTS = 2_000
#: Three standard deviations of a count of 200 in 2,000.
TOLERANCE = 40


def honest(confidence):
    return 1 - confidence


def boastful(confidence):
    return np.clip(1.6 * (1 - confidence) + 0.02, 0, 1)


def jagged(confidence):
    """Very sure answers are worse than fairly sure ones."""
    return np.where(confidence > 0.93, 0.08, 0.03)


def flat(confidence):
    """Every threshold breaks a budget of 5 in 100, by a hair."""
    return np.full_like(confidence, 0.0505)


def continuous(chance, count):
    return chance.beta(6, 0.8, count)


def tied(chance, count):
    return chance.choice([0.62, 0.8, 0.9, 0.94, 0.97, 0.99], count)


def true_share(draw, wrong_at, threshold):
    many = draw(np.random.default_rng(0), 400_000)
    above = many[many >= threshold]
    return float(wrong_at(above).mean())


def cases_of(chance, draw, wrong_at, count):
    confidences = draw(chance, count)
    right = chance.random(count) >= wrong_at(confidences)
    return [
        Case(float(each), answered=True, right=bool(is_right))
        for each, is_right in zip(confidences, right, strict=True)
    ]


@pytest.mark.parametrize("draw", [continuous, tied], ids=["continuous", "tied"])
@pytest.mark.parametrize(
    "wrong_at", [honest, boastful, jagged, flat], ids=lambda each: each.__name__
)
def test_the_promise_is_broken_for_at_most_one_account_in_ten(draw, wrong_at):
    chance = np.random.default_rng(17)
    shares = {
        threshold: true_share(draw, wrong_at, threshold) for threshold in risk.GRID
    }

    broken = 0
    for _ in range(ACCOUNTS):
        proof = risk.certify(cases_of(chance, draw, wrong_at, 250), 0.05)
        broken += proof is not None and shares[proof.threshold] > 0.05

    assert broken <= (1 - risk.CERTAINTY) * ACCOUNTS + TOLERANCE


def test_a_good_account_with_judgements_gets_more_than_the_prior():
    chance = np.random.default_rng(5)
    cases = cases_of(chance, continuous, lambda each: (1 - each) / 3, 600)

    proof = risk.certify(cases, 0.05)

    assert proof is not None
    assert proof.threshold < risk.prior_threshold(0.05, 0.9)
    assert true_share(continuous, lambda each: (1 - each) / 3, proof.threshold) <= 0.05


def test_it_takes_so_many_right_answers_and_not_one_less():
    enough = risk.fewest_judged(0.05)
    cases = [Case(0.995, answered=True, right=True)] * enough

    assert risk.certify(cases, 0.05) is not None
    assert risk.certify(cases[1:], 0.05) is None
    assert risk.certify([], 0.05) is None


def test_a_larger_budget_never_has_a_higher_threshold():
    chance = np.random.default_rng(11)
    budgets = [0.01, 0.02, 0.05, 0.1, 0.2, 0.4]
    for _ in range(200):
        cases = cases_of(chance, continuous, boastful, int(chance.integers(0, 500)))

        found = [risk.threshold_for(cases, each, 0.9).threshold for each in budgets]

        assert found == sorted(found, reverse=True)


def test_no_threshold_is_below_the_floor():
    cases = [Case(0.1, answered=True, right=True)] * 5_000

    proof = risk.certify(cases, 0.4)

    assert proof is None
    assert risk.certify([Case(0.76, answered=True, right=True)] * 500, 0.4) is not None
    assert risk.prior_threshold(0.5, 0.9) >= risk.FLOOR
    assert min(risk.GRID) == risk.FLOOR


def test_equal_confidences_are_answered_together_or_not_at_all():
    cases = [Case(0.9, answered=True, right=row % 10 > 0) for row in range(500)]
    cases += [Case(0.98, answered=True, right=True)] * 500

    proof = risk.certify(cases, 0.02)

    assert proof is not None
    assert proof.judged == 500
    assert 0.9 < proof.threshold <= 0.98


def test_what_was_never_judged_proves_nothing_below_what_was_answered():
    answered = [Case(0.96, answered=True, right=True)] * 400
    handed_over = [Case(0.7, answered=False)] * 200

    proof = risk.certify([*answered, *handed_over], 0.05)

    assert proof is not None
    assert proof.threshold > 0.7


def test_handoffs_that_people_judged_let_the_threshold_fall():
    answered = [Case(0.96, answered=True, right=True)] * 400
    unjudged = [Case(0.7, answered=False)] * 200
    judged = [Case(0.7, answered=False, right=True)] * 200

    proof = risk.certify([*answered, *unjudged, *judged], 0.05)

    assert proof is not None
    assert proof.threshold <= 0.7


def test_rare_judgements_of_handoffs_do_not_hide_their_errors():
    """One handoff in ten was judged: they count as often as they happen."""
    answered = [Case(0.96, answered=True, right=True)] * 1000
    judged = [Case(0.7, answered=False, right=row % 2 == 0) for row in range(60)]
    unjudged = [Case(0.7, answered=False)] * 540

    proof = risk.certify([*answered, *judged, *unjudged], 0.1)

    assert proof is not None
    assert proof.threshold > 0.7


def test_with_mixed_judging_the_promise_still_holds():
    chance = np.random.default_rng(23)
    shares = {each: true_share(continuous, honest, each) for each in risk.GRID}
    broken = 0
    for _ in range(ACCOUNTS):
        cases = [
            Case(
                each.confidence,
                answered=each.confidence >= 0.9,
                right=each.right
                if chance.random() < (0.5 if each.confidence >= 0.9 else 0.1)
                else None,
            )
            for each in cases_of(chance, continuous, honest, 400)
        ]

        proof = risk.certify(cases, 0.1)

        broken += proof is not None and shares[proof.threshold] > 0.1

    assert broken <= (1 - risk.CERTAINTY) * ACCOUNTS + TOLERANCE


@pytest.mark.parametrize(
    ("wrong", "count", "level", "bound"),
    [
        # Without wrong ones the bound has a closed form: 1 - level ** (1 / count).
        (0, 45, 0.1, 1 - 0.1 ** (1 / 45)),
        (0, 10, 0.05, 1 - 0.05 ** (1 / 10)),
        # From published tables of exact intervals.
        (1, 20, 0.025, 0.2487),
        (5, 50, 0.025, 0.2181),
        (3, 3, 0.1, 1.0),
        (0, 0, 0.1, 1.0),
    ],
)
def test_the_bound_is_the_exact_one(wrong, count, level, bound):
    assert risk.upper_bound(wrong, count, level) == pytest.approx(bound, abs=1e-4)


def test_the_bound_reaches_the_level_it_was_asked_for():
    share = risk.upper_bound(4, 90, 0.1)
    at_most = sum(
        math.comb(90, each) * share**each * (1 - share) ** (90 - each)
        for each in range(5)
    )

    assert at_most == pytest.approx(0.1, abs=1e-6)


def test_without_judgements_the_prior_speaks():
    found = risk.threshold_for([], 0.05, 0.9)

    assert (found.threshold, found.proof) == (0.9, None)
    assert risk.threshold_for([], 0.02, 0.9).threshold > 0.9
    assert risk.threshold_for([], 0.1, 0.9).threshold < 0.9


def test_a_few_bad_judgements_make_it_stricter_than_the_prior():
    bad = [Case(0.91, answered=True, right=False)] * 15
    good = [Case(0.995, answered=True, right=True)] * 30

    found = risk.threshold_for([*bad, *good], 0.05, 0.9)

    assert found.proof is None
    assert found.threshold > 0.91
