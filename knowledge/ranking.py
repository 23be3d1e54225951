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


@dataclass(frozen=True, slots=True)
class Weight:
    """What a ranker counts without earlier questions, and with very many of them."""

    new: float
    taught: float

    def at(self, experience: float) -> np.float32:
        """In between, by how much the earlier questions can teach."""
        return np.float32(self.new + (self.taught - self.new) * experience)


#: Fitted by conditional logistic regression over labelled businesses; by words alone,
#: and with vectors. The rankers of ``_SPREAD`` count by their standard scores, those of
#: ``_FILLING`` by their values, and only as far as no entry holds the question's words
#: and the texts are short: a long one touches many concepts. To a question in another
#: language there is not much else to go by.
_SPREAD = {
    False: {
        "words": Weight(0.70, 0.41),
        "grams": Weight(0.51, 0.0),
        "vote": Weight(0.0, 1.0),
    },
    True: {
        "words": Weight(0.20, 0.05),
        "grams": Weight(0.34, 0.05),
        "vector": Weight(0.87, 0.45),
        "vote": Weight(0.0, 0.30),
    },
}
_FILLING = {
    False: {"concepts": Weight(1.75, 2.3), "title_concepts": Weight(5.4, 0.0)},
    True: {"concepts": Weight(1.4, 0.6), "title_concepts": Weight(0.86, 0.0)},
}
#: Of the classifier over vectors; it tells less where texts are long.
_LEANING = Weight(0.41, 1.05)


def spread(values: Floats) -> Floats:
    """Values as standard scores of this query."""
    # `mean()` and `std()` give the same and take six times as long.
    centred = values - np.add.reduce(values) / np.float32(len(values))
    deviation = math.sqrt(float(centred @ centred) / len(values))
    scores: Floats = centred / np.float32(deviation + 1e-6)
    return scores


def rank(evidence: Evidence) -> Ranking:
    """The entries in order of their fused score."""
    by_meaning = "vector" in evidence.signals
    experience = evidence.facts["experience"]
    scores = np.zeros(len(evidence.entries), np.float32)
    for name, weight in _SPREAD[by_meaning].items():
        if name in evidence.signals:
            scores += weight.at(experience) * spread(evidence.signals[name])
    if by_meaning:
        leaning = _LEANING.at(experience) * np.float32(evidence.facts["short"])
        scores += leaning * spread(evidence.signals["leaning"])
    unsaid = 1 - evidence.signals["coverage"].max()
    brief = max(evidence.facts["short"], evidence.facts["foreign"])
    filling = np.float32(brief * unsaid)
    for name, each in _FILLING[by_meaning].items():
        scores += each.at(experience) * filling * evidence.signals[name]
    asked_so = _asked_word_for_word(evidence.signals)
    if asked_so is not None:
        scores[asked_so] = scores.max() + _ASKED_SO
    order = _best_first(scores)
    shares = np.exp(scores[order] - scores[order[0]])
    return Ranking(evidence.entries[order], order, scores[order], shares / shares.sum())


#: Lead of an entry that was asked about in these very words.
_ASKED_SO = np.float32(3)
_THE_SAME = 0.999


def _asked_word_for_word(signals: dict[str, Floats]) -> int | None:
    """The one entry whose title or earlier question the query is; None for several."""
    likeness = signals["title_grams"]
    if "nearest" in signals:
        likeness = np.maximum(likeness, signals["nearest"])
    found = np.flatnonzero(likeness >= _THE_SAME)
    return int(found[0]) if len(found) == 1 else None


def _best_first(scores: Floats) -> NDArray[np.int64]:
    """The places of the scores, in order; of very many, only the best are in order."""
    if len(scores) <= _MOST_SORTED:
        return np.argsort(-scores, kind="stable")
    found = np.argpartition(-scores, _SORTED)
    best = np.sort(found[:_SORTED])
    found[:_SORTED] = best[np.argsort(-scores[best], kind="stable")]
    return found


#: Sorting all of very many would take longer than all else here.
_MOST_SORTED, _SORTED = 4_000, 1_000


def describe(evidence: Evidence, ranking: Ranking) -> dict[str, float]:
    """Features of the search for the confidence model, about the first entry."""
    top = int(ranking.order[0])
    features = dict(evidence.facts)
    features["share"] = float(ranking.shares[0])
    features["share_gap"] = _gap(ranking.shares, 0)
    features["lead"] = _gap(ranking.scores, 0)
    features["doubt"] = _entropy(ranking.shares)
    if "leaning" in evidence.signals:
        # Far from all that is known, the votes for all entries fade together.
        features["known"] = float(np.add.reduce(evidence.signals["leaning"]))
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


def _entropy(shares: Floats) -> float:
    """How evenly the belief is spread: 0 when one entry has it all."""
    held = shares[shares > _LEAST_SHARE]
    return float(-(held @ np.log(held)))


_LEAST_SHARE = 1e-6


def _gap(values: Floats, top: int) -> float:
    """How far the value of one entry is above the best of the others."""
    if len(values) == 1:
        return float(values[top])
    others = values.copy()
    others[top] = -np.inf
    return float(values[top] - np.maximum.reduce(others))
