"""What calls cost: prices that we ship, and those of the installation."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from ai_model import pricing
from ai_model.metering import Call
from ai_model.models import Price
from ai_model.usage import cost_of

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.django_db

DAY = dt.date(2026, 11, 21)


def priced(name: str, since: dt.date, price_in: str, price_out: str) -> None:
    Price.objects.create(
        provider="openai",
        model=name,
        valid_from=since,
        price_in=price_in,
        price_out=price_out,
    )
    pricing.forget()


@pytest.mark.parametrize(
    ("provider", "name", "expected"),
    [
        ("gemini", "gemini-3.5-flash-lite", "0.00055"),
        ("gemini", "models/gemini-3.5-flash-lite", "0.00055"),
        ("openai", "gpt-6-luna", "0.00015"),
        ("local", "extract", "0"),
        ("openai", "gpt-6-sol", None),
        ("openai", "llama-of-our-own", None),
    ],
)
def test_a_call_costs_what_its_tokens_cost(
    provider: str, name: str, expected: str | None
) -> None:
    found = pricing.cost(provider, name, 1000, 100, DAY)

    assert found == (None if expected is None else Decimal(expected))


def test_a_price_counts_from_its_day_on() -> None:
    before, after = dt.date(2026, 11, 30), dt.date(2026, 12, 1)

    assert pricing.cost("gemini", "gemini-2.5-flash", 1_000_000, 0, before) is None
    assert pricing.cost("gemini", "gemini-2.5-flash", 1_000_000, 0, after) == Decimal(
        "0.30"
    )


def test_the_installations_own_prices_go_before_ours_from_their_day_on() -> None:
    priced("gpt-6-luna", DAY, "1", "2")
    priced("gpt-6-luna", DAY + dt.timedelta(days=10), "3", "4")

    found = [
        pricing.cost(
            "openai", "gpt-6-luna", 1_000_000, 0, DAY + dt.timedelta(days=days)
        )
        for days in (-1, 0, 9, 10)
    ]

    assert found == [Decimal(each) for each in ("0.10", "1", "1", "3")]


def test_a_model_of_our_own_has_the_price_that_is_entered() -> None:
    priced("llama-of-our-own", DAY, "0", "0.5")

    assert pricing.cost("openai", "llama-of-our-own", 10, 2_000_000, DAY) == 1


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ([], "0"),
        ([Call("openai", "gpt-6-luna", "", 1_000_000)], "0.10"),
        # A provider may name a version of what was asked for.
        ([Call("openai", "gpt-6-luna-v9", "gpt-6-luna", 1_000_000)], "0.10"),
        (
            [
                Call("openai", "gpt-6-luna", "", 1_000_000),
                Call("gemini", "unheard-of", has_failed=True),
                Call("local", "extract"),
                Call("gemini", "gemini-3.5-flash-lite", "", 1_000_000),
            ],
            "0.40",
        ),
        ([Call("openai", "gpt-6-luna", "", 9), Call("openai", "llama", "", 9)], None),
    ],
)
def test_what_calls_cost_together(calls: Sequence[Call], expected: str | None) -> None:
    assert cost_of(calls) == (None if expected is None else Decimal(expected))
