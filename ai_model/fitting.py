"""Fits the confidence models: logistic regressions over the features of searches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ai_model.confidence import NEUTRAL, Adjustment, Model, Models, adjust, bend
from ai_model.selfcheck import adjustment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ai_model.samples import Sample

#: Tells how far the work is.
Say = Callable[[str], None]
Array = NDArray[np.float64]
#: What a fit gives, ready to be written as JSON.
Fitted = dict[str, object]

#: Which features each model looks at. Few: what helps one business and not the others
#: was left out, and few labelled businesses have a history.
FEATURES: dict[str, dict[str, tuple[str, ...]]] = {
    "cold": {
        "words": (
            *("concepts_gap", "coverage", "coverage_spread", "explained_nearby"),
            *("foreign", "grams", "grams_spread", "names_missing", "short", "terms"),
            *("title_concepts", "unknown", "words_gap", "words_spread"),
            *("read_adjacent", "read_last_missing", "read_limits", "read_negation"),
            *("read_roles", "read_sentences", "read_untyped"),
        ),
        "meaning": (
            *("by_words", "known", "lead", "leaning", "leaning_gap", "share"),
            *("vector", "vector_gap"),
        ),
    },
    "warm": {
        "words": (
            *("coverage", "experience", "explained", "grams", "held", "nearest"),
            *("nearest_gap", "share", "short", "terms", "unexplained", "vote"),
            *("vote_gap", "words_gap"),
        ),
        "meaning": (
            *("by_words", "closest", "experience", "leaning", "leaning_gap", "share"),
        ),
    },
}
#: Shares of samples below the bends of each feature's curve.
_KNOTS = {("cold", "words"): (0.5,)}
#: Heavy: what is fitted has to hold for businesses that were not there.
_L2 = {"words": 100.0, "meaning": 300.0}
#: As many samples as the penalty is meant for.
_USUAL = 10_000
#: What the samples made by hiding entries weigh against the real ones.
_MADE_WEIGHT = 0.25


def fit(samples: Sequence[Sample]) -> dict[str, dict[str, Fitted]]:
    """All models, in the form of ``confidence.json``."""
    fitted: dict[str, dict[str, Fitted]] = {}
    for mode, features in FEATURES.items():
        own = [
            sample for sample in samples if sample.mode == mode and not sample.is_check
        ]
        plain = [sample for sample in own if not sample.by_meaning]
        words = _fit_one(
            features["words"],
            [(sample, sample.features) for sample in plain],
            _KNOTS.get((mode, "words"), ()),
            _L2["words"],
        )
        model = Model.from_json(words)
        both = [
            (sample, {**sample.features, "by_words": model.odds(sample.features)})
            for sample in own
            if sample.by_meaning
        ]
        meaning = _fit_one(features["meaning"], both, (), _L2["meaning"])
        fitted[mode] = {"words": words, "meaning": meaning}
    return fitted


def _fit_one(
    names: Sequence[str],
    samples: Sequence[tuple[Sample, Mapping[str, float]]],
    knots: Sequence[float],
    l2: float,
) -> Fitted:
    if not samples:
        return {"bias": 0.0, "terms": []}
    terms: list[tuple[str, float | None]] = []
    columns = []
    for name in names:
        values = [features.get(name, 0.0) for _, features in samples]
        bends = np.unique(np.quantile(values, knots).round(3)).tolist() if knots else []
        for above in (None, *bends):
            terms.append((name, above))
            columns.append([bend(value, above) for value in values])
    right = np.array([sample.right for sample, _ in samples], np.float64)
    weights = _balance([sample for sample, _ in samples])
    bias, found = logistic(np.array(columns).T, right, weights, l2)
    return {
        "bias": round(bias, 6),
        "terms": [
            [name, above, round(float(weight), 6)]
            for (name, above), weight in zip(terms, found, strict=True)
        ],
    }


def _balance(samples: Sequence[Sample]) -> Array:
    """A weight for each sample, so that all groups count the same."""
    counts: dict[tuple[str, bool], int] = defaultdict(int)
    for sample in samples:
        counts[sample.group, sample.made] += 1
    weights = np.array(
        [
            (_MADE_WEIGHT if sample.made else 1.0) / counts[sample.group, sample.made]
            for sample in samples
        ]
    )
    scaled: Array = weights * (_USUAL / weights.sum())
    return scaled


def logistic(
    matrix: Array, right: Array, weights: Array, l2: float
) -> tuple[float, Array]:
    """Bias and weights of an L2 logistic regression, by Newton's method.

    The penalty acts on standardised columns; the result is for the given ones.
    """
    centre = matrix.mean(axis=0)
    scale = matrix.std(axis=0)
    scale[scale < 1e-9] = np.inf
    design = np.hstack([np.ones((len(matrix), 1)), (matrix - centre) / scale])
    penalty = np.full(design.shape[1], l2)
    penalty[0] = 1e-6
    beta = np.zeros(design.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        slope = design.T @ (weights * (right - chance)) - penalty * beta
        curve = weights * chance * (1 - chance)
        step = np.linalg.solve((design.T * curve) @ design + np.diag(penalty), slope)
        beta += step
        if np.abs(step).max() < 1e-9:
            break
    unscaled = beta[1:] / scale
    return float(beta[0] - unscaled @ centre), unscaled


# -- how good it is on businesses it has not seen ------------------------------

#: By business and mode: each real question with its confidence.
Outcomes = dict[tuple[str, str], list[tuple[float, "Sample"]]]

#: Precision that the threshold is chosen for: of businesses on average, and of each.
_PRECISION, _WORST_PRECISION = 0.95, 0.90
#: Largest shares of questions without an entry that may be answered all the same.
_FALSE_ANSWERS = {"near_miss": 0.03, "out_of_scope": 0.01}
#: Fewer answers than this say nothing about one business.
_FEWEST = 20
#: Precision at this many thresholds in a row is no accident.
_IN_A_ROW = 3


def leave_one_out(samples: Sequence[Sample], say: Say = lambda line: None) -> Outcomes:
    """What models fitted on all other businesses say of each business."""
    outcomes: Outcomes = {}
    for group in sorted({sample.group for sample in samples}):
        say(f"fitting without {group}")
        fitted = fit([sample for sample in samples if sample.group != group])
        models = {mode: Models.from_json(data) for mode, data in fitted.items()}
        own = [sample for sample in samples if sample.group == group]
        checked = _self_check(own, models)
        for sample in own:
            if not sample.made and not sample.is_check:
                odds = models[sample.mode].odds(sample.features)
                taught = checked.get((sample.mode, sample.by_meaning), NEUTRAL)
                chance = adjust(odds, sample.features, taught)
                outcomes.setdefault((group, sample.mode), []).append((chance, sample))
    return outcomes


def _self_check(
    samples: Sequence[Sample], models: Mapping[str, Models]
) -> dict[tuple[str, bool], Adjustment]:
    """What one business teaches about itself, by mode and by meaning or words."""
    odds: dict[tuple[str, bool], list[float]] = defaultdict(list)
    for sample in samples:
        if sample.is_check:
            own = models[sample.mode].odds(sample.features)
            odds[sample.mode, sample.by_meaning].append(own)
    return {key: adjustment(found) for key, found in odds.items()}


def as_shipped(outcomes: Outcomes) -> Outcomes:
    """Of each question the search by meaning, where there was one; else by words."""
    found: Outcomes = {}
    for key, pairs in outcomes.items():
        better = {each.number for _, each in pairs if each.by_meaning}
        found[key] = [
            (chance, each)
            for chance, each in pairs
            if each.by_meaning or each.number not in better
        ]
    return found


def by_words_alone(outcomes: Outcomes) -> Outcomes:
    """The same where no encoder is installed."""
    return {
        key: [(chance, each) for chance, each in pairs if not each.by_meaning]
        for key, pairs in outcomes.items()
    }


def choose_threshold(outcomes: Outcomes) -> float:
    """The lowest that is safe: few wrong answers on average and in each business."""
    modes = {mode for _, mode in outcomes}
    in_a_row = 0
    for percent in range(50, 99):
        safe = all(_is_safe(outcomes, mode, percent / 100) for mode in modes)
        in_a_row = in_a_row + 1 if safe else 0
        if in_a_row == _IN_A_ROW:
            return (percent - _IN_A_ROW + 1) / 100
    return 0.99


def _is_safe(outcomes: Outcomes, mode: str, threshold: float) -> bool:
    every = [
        each for (_, own), pairs in outcomes.items() if own == mode for each in pairs
    ]
    for kind, most in _FALSE_ANSWERS.items():
        asked = [chance for chance, sample in every if sample.kind == kind]
        if sum(chance >= threshold for chance in asked) > most * len(asked):
            return False
    return _is_precise(outcomes, mode, threshold)


def _is_precise(outcomes: Outcomes, mode: str, threshold: float) -> bool:
    answered = [
        [sample.right for chance, sample in pairs if chance >= threshold]
        for (_, own), pairs in outcomes.items()
        if own == mode
    ]
    shares = [sum(each) / len(each) for each in answered if each]
    of_many = [sum(each) / len(each) for each in answered if len(each) >= _FEWEST]
    return (
        bool(shares)
        and sum(shares) / len(shares) >= _PRECISION
        and min(of_many, default=1.0) >= _WORST_PRECISION
    )
