"""One order out of several rankers, and numbers that say how sure it is."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge.postings import Floats


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rankers say about one query."""

    #: Rows of the entries that may be seen.
    entries: NDArray[np.int32]
    #: By ranker: one value for each of ``entries``.
    signals: dict[str, Floats]
    #: By ranker: one value for each document of the index.
    documents: dict[str, Floats]
    #: About the query as a whole.
    facts: dict[str, float]


@dataclass(frozen=True, slots=True)
class Ranking:
    """Entries from best to worst."""

    #: Rows of the entries.
    rows: NDArray[np.int32]
    #: Where each of them stands in the evidence.
    order: NDArray[np.int64]
    scores: Floats
    #: Each one's share of the belief; they sum to 1.
    shares: Floats


#: Fitted by conditional logistic regression over labelled businesses. The rankers of
#: ``_SPREAD`` count by their standard scores, those of ``_FILLING`` by their values, and
#: only as far as no entry holds the question's own words.
_SPREAD = {
    False: {"words": 0.70, "grams": 0.51, "vector": 0.70},
    True: {"words": 0.41, "vote": 0.93, "nearest": 0.20, "vector": 0.40},
}
_FILLING = {
    False: {"concepts": 1.75, "title_concepts": 5.4},
    True: {"concepts": 2.3},
}


def spread(values: Floats) -> Floats:
    """Values as standard scores of this query."""
    # `mean()` and `std()` give the same and take six times as long.
    centred = values - np.add.reduce(values) / np.float32(len(values))
    deviation = math.sqrt(float(centred @ centred) / len(values))
    scores: Floats = centred / np.float32(deviation + 1e-6)
    return scores


def rank(evidence: Evidence) -> Ranking:
    """The entries in order of their fused score."""
    warm = "vote" in evidence.signals
    scores = np.zeros(len(evidence.entries), np.float32)
    for name, weight in _SPREAD[warm].items():
        if name in evidence.signals:
            scores += np.float32(weight) * spread(evidence.signals[name])
    uncovered = 1 - float(evidence.signals["coverage"].max())
    for name, weight in _FILLING[warm].items():
        scores += np.float32(weight * uncovered) * evidence.signals[name]
    order = np.argsort(-scores, kind="stable")
    shares = np.exp(scores[order] - scores[order[0]])
    return Ranking(evidence.entries[order], order, scores[order], shares / shares.sum())


def describe(evidence: Evidence, ranking: Ranking) -> dict[str, float]:
    """Features of the search for the confidence model, about the first entry."""
    top = int(ranking.order[0])
    features = dict(evidence.facts)
    features["share"] = float(ranking.shares[0])
    features["share_gap"] = _gap(ranking.shares, 0)
    agreeing = 0
    for name, values in evidence.signals.items():
        features[name] = float(values[top])
        features[f"{name}_gap"] = _gap(values, top)
        features[f"{name}_spread"] = min(_MOST_SPREAD, float(spread(values)[top]))
        agreeing += features[f"{name}_gap"] >= 0
    features["agreement"] = agreeing / len(evidence.signals)
    return features


#: Larger indexes reach more; the model was fitted on up to 131 entries.
_MOST_SPREAD = 10.0


def _gap(values: Floats, top: int) -> float:
    """How far the value of one entry is above the best of the others."""
    if len(values) == 1:
        return float(values[top])
    others = values.copy()
    others[top] = -np.inf
    return float(values[top] - np.maximum.reduce(others))
