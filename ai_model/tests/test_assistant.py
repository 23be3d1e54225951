"""The settings of an account's assistant."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from ai_model.confidence import DEFAULT_THRESHOLD
from ai_model.models import Assistant


@pytest.fixture
def assistant(account: Any) -> Assistant:
    return Assistant(account=account)


def test_a_new_assistant_is_fit_for_use(assistant: Assistant) -> None:
    assistant.full_clean()

    assert assistant.chain == ["gemini", "openai", "local"]
    assert assistant.auto_response
    assert assistant.effective_threshold == DEFAULT_THRESHOLD


def test_zero_is_a_threshold_too(assistant: Assistant) -> None:
    assistant.threshold = 0.0

    assert assistant.effective_threshold == 0.0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("chain", []),
        ("chain", ["local", "unknown"]),
        ("chain", ["local", "local"]),
        ("fallback_language", "zz"),
        ("model_names", {"gemini": "gemini-1.5-flash"}),
        ("temperature", 1.5),
        ("temperature", -0.1),
        ("threshold", 1.01),
        ("max_tokens", 0),
        ("max_tokens", 100_000),
        ("business_hours", {"mon": "all day"}),
        ("business_hours", ["mon"]),
        ("time_zone", "Mars/Olympus"),
    ],
)
def test_what_cannot_work_is_refused_by_name(
    assistant: Assistant, field: str, value: Any
) -> None:
    setattr(assistant, field, value)
    if field == "time_zone":
        assistant.business_hours = {"mon": [["09:00", "17:00"]]}

    with pytest.raises(ValidationError) as caught:
        assistant.full_clean()

    named = set(caught.value.message_dict)
    assert named & {field, "business_hours"}


@pytest.mark.parametrize("field", ["threshold", "temperature"])
def test_the_database_keeps_probabilities(assistant: Assistant, field: str) -> None:
    setattr(assistant, field, 2.0)

    with pytest.raises(IntegrityError), transaction.atomic():
        assistant.save()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time_zone", "Mars/Olympus"),
        ("business_hours", {"mon": "all day"}),
        ("special_days", {"never": []}),
    ],
)
def test_hours_that_cannot_be_read_silence_nobody(
    assistant: Assistant, field: str, value: Any
) -> None:
    assistant.business_hours = {"mon": []}
    setattr(assistant, field, value)

    assert assistant.is_open(timezone.now())
    assert assistant.answers_at(timezone.now())
    assert not assistant.hands_over_at(timezone.now())
