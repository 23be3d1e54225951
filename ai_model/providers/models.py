"""What is known about the models, as data: `models.json`, kept apart from releases.

Prices are US dollars per million tokens from a day on, none where no figure was found;
names, dates and prices were checked in November 2026 and move on without us. An
installation enters its own under Prices; see `ai_model.pricing`.
"""

from __future__ import annotations

import datetime as dt
import functools
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable

_DATA: Final = Path(__file__).with_name("models.json")
_MILLION: Final = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Rate:
    """What a model costs, in dollars per million tokens read and written."""

    price_in: Decimal
    price_out: Decimal
    #: The first day on which it does; None: it always has.
    valid_from: dt.date | None = None

    def cost(self, tokens_in: int, tokens_out: int) -> Decimal:
        """What a call costs in dollars."""
        return (self.price_in * tokens_in + self.price_out * tokens_out) / _MILLION


def rate_on(rates: Iterable[Rate], day: dt.date) -> Rate | None:
    """The newest of the rates that is valid on a day."""
    valid = [each for each in rates if (each.valid_from or dt.date.min) <= day]
    return max(valid, key=lambda each: each.valid_from or dt.date.min, default=None)


@dataclass(frozen=True, slots=True)
class Model:
    """One model of one provider."""

    provider: str
    #: As the provider spells it.
    name: str
    label: str
    #: The first day on which it is no longer served.
    retires_on: dt.date | None = None
    #: Name of the model that its provider offers in its place.
    successor: str | None = None
    #: What it costs, and from when on.
    rates: tuple[Rate, ...] = ()
    #: Whether it accepts a temperature at the effort that we ask for.
    takes_temperature: bool = True
    #: How hard it is asked to think, in its provider's words; null leaves it to the model.
    reasoning_effort: str | None = None
    #: What it can be given beside text: `image`, `voice`.
    reads: frozenset[str] = frozenset()

    def is_served(self, on: dt.date) -> bool:
        """Whether its provider still serves it on this day."""
        return self.retires_on is None or on < self.retires_on


def lookup(provider: str, name: str) -> Model | None:
    """What is known about a model, or None."""
    return _models().get((provider, name.removeprefix("models/")))


def known(provider: str) -> list[Model]:
    """All models of a provider, by name."""
    return [model for model in _models().values() if model.provider == provider]


def check_model(provider: str, name: str, today: dt.date) -> str | None:
    """Why a model cannot be chosen, with what to choose instead; None if it can.

    An unknown name passes: compatible servers have names of their own.
    """
    model = lookup(provider, name)
    if model is None or model.retires_on is None or model.is_served(today):
        return None
    hint = f" Use {model.successor} instead." if model.successor else ""
    return f"{model.name} was retired on {model.retires_on:%Y-%m-%d}.{hint}"


@functools.cache
def _models() -> dict[tuple[str, str], Model]:
    rows = [_model(row) for row in orjson.loads(_DATA.read_bytes())]
    return {(model.provider, model.name): model for model in rows}


def _model(row: dict[str, Any]) -> Model:
    values = {name: value for name, value in row.items() if name != "prices"}
    values["retires_on"] = _day(row["retires_on"])
    values["reads"] = frozenset(row["reads"])
    return Model(**values, rates=tuple(_rate(each) for each in row["prices"]))


def _rate(row: dict[str, Any]) -> Rate:
    return Rate(Decimal(row["in"]), Decimal(row["out"]), _day(row["from"]))


def _day(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None
