"""What is known about the models, as data: `models.json`, kept apart from releases.

Prices are US dollars per million tokens, null where no figure was found; names, dates
and prices were checked in November 2026 and move on without us.
"""

from __future__ import annotations

import datetime as dt
import functools
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import orjson

_DATA: Final = Path(__file__).with_name("models.json")
_MILLION: Final = Decimal(1_000_000)


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
    #: Dollars per million tokens read and written.
    price_in: Decimal | None = None
    price_out: Decimal | None = None
    #: Whether it accepts a temperature at the effort that we ask for.
    takes_temperature: bool = True
    #: How hard it is asked to think, in its provider's words; null leaves it to the model.
    reasoning_effort: str | None = None

    def is_served(self, on: dt.date) -> bool:
        """Whether its provider still serves it on this day."""
        return self.retires_on is None or on < self.retires_on


def lookup(provider: str, name: str) -> Model | None:
    """What is known about a model, or None."""
    return _models().get((provider, name.removeprefix("models/")))


def known(provider: str) -> list[Model]:
    """All models of a provider, by name."""
    return [model for model in _models().values() if model.provider == provider]


def cost(provider: str, name: str, tokens_in: int, tokens_out: int) -> Decimal | None:
    """What a call cost in dollars; None where the price is not known."""
    model = lookup(provider, name)
    if model is None or model.price_in is None or model.price_out is None:
        return None
    return (model.price_in * tokens_in + model.price_out * tokens_out) / _MILLION


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
    return Model(
        **{
            **row,
            "retires_on": row["retires_on"]
            and dt.date.fromisoformat(row["retires_on"]),
            "price_in": row["price_in"] and Decimal(row["price_in"]),
            "price_out": row["price_out"] and Decimal(row["price_out"]),
        }
    )
