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

    def probability(self, features: Mapping[str, float]) -> float:
        """Between 0 and 1, never quite either."""
        odds = self.bias + sum(term.value(features) for term in self.terms)
        return 1 / (1 + math.exp(-min(30.0, max(-30.0, odds))))


_SHIPPED = json.loads(Path(__file__).with_name("confidence.json").read_text("utf-8"))
#: The shipped models: ``cold`` without earlier questions, ``warm`` with them.
MODELS = {name: Model.from_json(_SHIPPED[name]) for name in ("cold", "warm")}
#: From this confidence on an answer is given; chosen with the models.
DEFAULT_THRESHOLD = float(_SHIPPED["threshold"])

#: Who asks word for word what an entry, and no other, is called means that entry. Too
#: rare in the labelled questions to be fitted.
VERBATIM = 0.97


def confidence(result: SearchResult) -> float:
    """Calibrated probability that the first hit answers the question; 0 without hits."""
    if not result.hits:
        return 0.0
    model = MODELS["warm" if "vote" in result.features else "cold"]
    fitted = model.probability(result.features)
    return max(fitted, VERBATIM) if result.features.get("verbatim") else fitted
