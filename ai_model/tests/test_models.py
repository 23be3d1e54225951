"""What is known about the models."""

from __future__ import annotations

import datetime as dt

import pytest

from ai_model import providers
from ai_model.providers import gemini, models, openai

TODAY = dt.date(2026, 11, 21)


def test_a_model_is_looked_up_by_provider_and_name():
    found = models.lookup("gemini", "models/gemini-3.5-flash-lite")

    assert found is not None
    assert (found.name, found.retires_on) == ("gemini-3.5-flash-lite", None)
    assert models.lookup("openai", "gemini-3.5-flash-lite") is None


@pytest.mark.parametrize(
    ("provider", "name", "today", "hint"),
    [
        ("gemini", "gemini-1.5-flash", TODAY, "gemini-3.5-flash-lite"),
        ("openai", "gpt-3.5-turbo", TODAY, "gpt-6-luna"),
        ("openai", "gpt-4o-mini", TODAY, None),
        ("openai", "gpt-4o-mini", dt.date(2027, 1, 14), "gpt-6-luna"),
        ("gemini", "gemini-2.5-flash", dt.date(2026, 11, 30), None),
        ("gemini", "gemini-2.5-flash", dt.date(2026, 12, 1), "gemini-3.5-flash-lite"),
        ("openai", "llama-of-our-own", TODAY, None),
    ],
)
def test_a_retired_model_is_refused_with_its_successor(provider, name, today, hint):
    problem = models.check_model(provider, name, today)

    if hint is None:
        assert problem is None
    else:
        assert name in problem
        assert f"Use {hint} instead." in problem


def test_every_successor_is_known_and_outlives_the_model():
    for provider in providers.REGISTRY:
        for model in models.known(provider):
            if model.successor is None:
                continue
            successor = models.lookup(provider, model.successor)
            assert successor is not None, model.name
            assert successor.retires_on is None


@pytest.mark.parametrize(
    ("provider", "name"),
    [("gemini", gemini.DEFAULT_MODEL), ("openai", openai.DEFAULT_MODEL)],
)
def test_the_default_models_are_known_priced_and_not_retiring(provider, name):
    model = models.lookup(provider, name)

    assert model is not None
    assert model.retires_on is None
    assert models.rate_on(model.rates, TODAY) is not None
