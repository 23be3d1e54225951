"""How sure the assistant may be that the first hit answers the question."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from knowledge.index import SearchResult


@dataclass(frozen=True, slots=True)
class Term:
    """One addend of the model: ``weight * max(0, feature - above)``."""

    feature: str
    #: Where the term starts to count; None means it counts everywhere.
    above: float | None
    weight: float

    def value(self, features: Mapping[str, float]) -> float:
        """What this term adds to the log odds."""
        return self.weight * bend(features.get(self.feature, 0.0), self.above)


def bend(value: float, above: float | None) -> float:
    """A feature as a term sees it: as it is, or only its part above a knot."""
    return value if above is None else max(0.0, value - above)


@dataclass(frozen=True, slots=True)
class Model:
    """A logistic model over the features of a search."""

    bias: float
    terms: tuple[Term, ...]

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """From the form that ``fitting.fit`` returns."""
        bias, terms = data["bias"], data["terms"]
        if not isinstance(bias, int | float) or not isinstance(terms, Sequence):
            raise TypeError("a model has a bias and a list of terms")
        return cls(float(bias), tuple(Term(*term) for term in terms))

    def odds(self, features: Mapping[str, float]) -> float:
        """The logarithm of the odds, bounded: nothing is ever quite sure."""
        odds = self.bias + sum(term.value(features) for term in self.terms)
        return min(_MOST_ODDS, max(-_MOST_ODDS, odds))


#: Four digits still tell it from certainty.
_MOST_ODDS = 9.0


@dataclass(frozen=True, slots=True)
class Models:
    """What the words say, and what they and the vectors say together."""

    words: Model
    #: Takes the odds by ``words`` as its feature ``by_words``.
    meaning: Model

    @classmethod
    def from_json(cls, data: Mapping[str, Mapping[str, object]]) -> Self:
        """From the form that ``fitting.fit`` returns."""
        return cls(*(Model.from_json(data[name]) for name in ("words", "meaning")))

    def odds(self, features: Mapping[str, float]) -> float:
        """The logarithm of the odds that the first hit is right."""
        by_words = self.words.odds(features)
        if "vector" not in features:
            return by_words
        return self.meaning.odds({**features, "by_words": by_words})


def mode_of(features: Mapping[str, float]) -> str:
    """``warm`` when the index knew earlier questions, else ``cold``."""
    return "warm" if features.get("experience") else "cold"


_SHIPPED = json.loads(Path(__file__).with_name("confidence.json").read_text("utf-8"))
#: The shipped models: ``cold`` without earlier questions, ``warm`` with them.
MODELS = {name: Models.from_json(_SHIPPED[name]) for name in ("cold", "warm")}
#: From this confidence on an answer is given; chosen with the models.
DEFAULT_THRESHOLD = float(_SHIPPED["threshold"])

#: Who asks word for word what an entry, and no other, is called means that entry. Too
#: rare in the labelled questions to be fitted.
VERBATIM = 0.97


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What one knowledge base or account taught: a line over the log odds."""

    slope: float = 1.0
    offset: float = 0.0

    def apply(self, chance: float) -> float:
        """The adjusted probability of one between 0 and 1."""
        if self == NEUTRAL:
            return chance
        return sigmoid(self.slope * math.log(chance / (1 - chance)) + self.offset)

    def undo(self, chance: float) -> float:
        """What was adjusted to become this probability, as far as rounding lets see."""
        if self == NEUTRAL:
            return chance
        inside = min(0.9999, max(0.0001, chance))
        odds = (math.log(inside / (1 - inside)) - self.offset) / self.slope
        return 1 / (1 + math.exp(-odds))


NEUTRAL = Adjustment()


def confidence(result: SearchResult, adjustment: Adjustment = NEUTRAL) -> float:
    """Calibrated probability that the first hit answers the question; 0 without hits."""
    if not result.hits:
        return 0.0
    odds = MODELS[mode_of(result.features)].odds(result.features)
    adjusted = adjust(odds, result.features, adjustment)
    return max(adjusted, VERBATIM) if result.features.get("verbatim") else adjusted


def adjust(odds: float, features: Mapping[str, float], adjustment: Adjustment) -> float:
    """The probability of these log odds after what a knowledge base taught.

    Entries say nothing of how well questions in other languages find them, so about
    those they cannot make it surer.
    """
    fitted = sigmoid(odds)
    adjusted = adjustment.apply(fitted)
    return min(fitted, adjusted) if features.get("foreign") else adjusted


def sigmoid(odds: float) -> float:
    """The probability of these log odds, never quite 0 or 1."""
    return 1 / (1 + math.exp(-min(_MOST_ODDS, max(-_MOST_ODDS, odds))))
