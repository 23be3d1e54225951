"""Fits the confidence model: logistic regression over the features of searches."""

import json
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ai_model.confidence import Model, bend
from knowledge.index import Document, Index

Array = NDArray[np.float64]
#: What a fit gives, ready to be written as JSON.
Fitted = dict[str, object]

#: Which features each model looks at. Few for ``warm``: few businesses have a history.
FEATURES: dict[str, tuple[str, ...]] = {
    "cold": (
        *("concepts_gap", "coverage", "coverage_spread", "explained_nearby"),
        *("foreign", "grams", "grams_spread", "names_missing", "share"),
        *("share_gap", "terms", "title_concepts", "words_gap", "words_spread"),
    ),
    "warm": (
        *("explained", "held", "nearest", "nearest_gap"),
        *("share", "unexplained", "vote", "vote_gap"),
    ),
}
#: Shares of samples below the bends of each feature's curve.
_KNOTS = {"cold": (0.5,), "warm": ()}
_L2 = 30.0
#: What the samples made by hiding entries weigh against the real ones.
_MADE_WEIGHT = 0.5
#: Precision that the threshold is chosen for.
_PRECISION = 0.95


@dataclass(frozen=True, slots=True)
class Sample:
    """One question that was searched for, and whether the first hit was right."""

    #: The business; each counts the same, and is left out as a whole to test.
    group: str
    features: Mapping[str, float]
    right: bool
    #: Asked of a copy of the business from which entries had been hidden.
    made: bool = False

    @property
    def mode(self) -> str:
        """``warm`` when the index knew earlier questions, else ``cold``."""
        return "warm" if "vote" in self.features else "cold"


def fit(samples: Sequence[Sample]) -> Fitted:
    """Both models and the threshold, in the form of ``confidence.json``."""
    models = _fit_models(samples)
    return {**models, "threshold": choose_threshold(leave_one_out(samples))}


def _fit_models(samples: Sequence[Sample]) -> dict[str, Fitted]:
    return {
        mode: _fit_mode(mode, [sample for sample in samples if sample.mode == mode])
        for mode in FEATURES
    }


def _fit_mode(mode: str, samples: Sequence[Sample]) -> Fitted:
    if not samples:
        return {"bias": 0.0, "terms": []}
    terms: list[tuple[str, float | None]] = []
    columns = []
    for name in FEATURES[mode]:
        values = np.array([sample.features.get(name, 0.0) for sample in samples])
        knots = [
            None,
            *map(float, np.unique(np.quantile(values, _KNOTS[mode]).round(3))),
        ]
        terms += [(name, knot) for knot in knots]
        columns += [[bend(value, knot) for value in values.tolist()] for knot in knots]
    right = np.array([sample.right for sample in samples], np.float64)
    bias, weights = logistic(np.array(columns).T, right, _balance(samples), _L2)
    return {
        "bias": round(bias, 6),
        "terms": [
            [name, knot, round(float(weight), 6)]
            for (name, knot), weight in zip(terms, weights, strict=True)
        ],
    }


def _balance(samples: Sequence[Sample]) -> Array:
    """A weight for each sample, so that all groups count the same; 1 on average."""
    counts: dict[tuple[str, bool], int] = defaultdict(int)
    for sample in samples:
        counts[sample.group, sample.made] += 1
    weights = np.array(
        [
            (_MADE_WEIGHT if sample.made else 1.0) / counts[sample.group, sample.made]
            for sample in samples
        ]
    )
    scaled: Array = weights * (len(samples) / weights.sum())
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

#: By business and mode: the confidence of each real question, and whether it was right.
Outcomes = dict[tuple[str, str], list[tuple[float, bool]]]


def leave_one_out(samples: Sequence[Sample]) -> Outcomes:
    """What models fitted on all other businesses say of each business."""
    outcomes: Outcomes = {}
    for group in sorted({sample.group for sample in samples}):
        fitted = _fit_models([sample for sample in samples if sample.group != group])
        models = {mode: Model.from_json(data) for mode, data in fitted.items()}
        for sample in samples:
            if sample.group == group and not sample.made:
                chance = models[sample.mode].probability(sample.features)
                outcomes.setdefault((group, sample.mode), []).append(
                    (chance, sample.right)
                )
    return outcomes


def choose_threshold(outcomes: Outcomes) -> float:
    """The lowest one at which, in each mode, businesses on average are precise enough."""
    modes = {mode for _, mode in outcomes}
    for threshold in np.arange(0.5, 0.995, 0.01).round(2).tolist():
        if all(
            _mean_precision(outcomes, mode, threshold) >= _PRECISION for mode in modes
        ):
            return float(threshold)
    return 0.99


def _mean_precision(outcomes: Outcomes, mode: str, threshold: float) -> float:
    found = [
        precision(pairs, threshold)
        for (_, own), pairs in outcomes.items()
        if own == mode
    ]
    known = [value for value in found if value is not None]
    return sum(known) / len(known) if known else 0.0


def precision(pairs: Sequence[tuple[float, bool]], threshold: float) -> float | None:
    """Share of right ones among what is answered; None when nothing is."""
    answered = [right for chance, right in pairs if chance >= threshold]
    return sum(answered) / len(answered) if answered else None


# -- samples out of labelled folders -------------------------------------------

Line = dict[str, object]
#: For each copy with hidden entries, the share of the earlier questions it keeps.
_COPIES = (1.0, 0.5, 0.25)
_HIDDEN = 0.25
_MOST_ASKED = 500


def samples_from(folder: Path) -> list[Sample]:
    """Samples of every business below a folder, without and with its history.

    A business is a folder with ``entries.jsonl``, ``questions.jsonl`` and perhaps
    ``history.jsonl``. Beside the real questions come those of copies in which a
    quarter of the entries is hidden: near misses of this very business.
    """
    found: list[Sample] = []
    for path in sorted(folder.glob("*/questions.jsonl")):
        found.extend(_samples_of(path.parent))
    return found


def _samples_of(business: Path) -> Iterator[Sample]:
    entries = _read(business / "entries.jsonl")
    questions = _read(business / "questions.jsonl")
    history = _read(business / "history.jsonl")
    yield from _ask(business.name, entries, questions, [])
    if history:
        yield from _ask(business.name, entries, questions, history)
    chance = random.Random(business.name)  # noqa: S311
    for kept in _COPIES:
        hidden = set(range(len(entries)))
        hidden = set(chance.sample(sorted(hidden), max(1, int(len(entries) * _HIDDEN))))
        left = [entry for row, entry in enumerate(entries) if row not in hidden]
        asked = chance.sample(questions, min(len(questions), _MOST_ASKED))
        yield from _ask(business.name, left, asked, [], made=True)
        if history:
            known = [line for line in history if chance.random() < kept]
            yield from _ask(business.name, left, asked, known, made=True)


def _ask(
    group: str,
    entries: Sequence[Line],
    questions: Sequence[Line],
    history: Sequence[Line],
    *,
    made: bool = False,
) -> Iterator[Sample]:
    index = Index(documents_from(entries, history))
    for question in questions:
        result = index.search(str(question["question"]), limit=1)
        if result.hits:
            wanted = question["entry_ids"]
            right = isinstance(wanted, list) and result.hits[0].document.entry in wanted
            yield Sample(group, result.features, right, made)


def documents_from(entries: Sequence[Line], history: Sequence[Line]) -> list[Document]:
    """Documents of a labelled business, with its earlier questions as examples."""
    examples: dict[object, list[str]] = {}
    for line in history:
        examples.setdefault(line["entry_id"], []).append(str(line["question"]))
    return [
        Document(
            key=key,
            entry=str(entry["entry_id"]),
            title=str(entry["title"]),
            body=str(entry["body"]),
            lang=str(entry.get("lang", "")),
            entry_type=str(entry["entry_type"]),
            revision=1,
            visibility="customer",
            examples=tuple(examples.get(entry["entry_id"], ())),
        )
        for key, entry in enumerate(entries)
    ]


def _read(path: Path) -> list[Line]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]
