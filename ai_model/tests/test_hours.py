"""When a business is open."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from ai_model.models import Assistant

#: A Saturday, at noon UTC.
NOON = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("hours", "zone", "is_open"),
    [
        ({}, "UTC", True),
        ({"sat": [["09:00", "17:00"]]}, "UTC", True),
        ({"sat": [["09:00", "12:00"]]}, "UTC", False),
        ({"sat": [["09:00", "11:00"], ["12:00", "13:00"]]}, "UTC", True),
        ({"mon": [["09:00", "17:00"]]}, "UTC", False),
        ({"sat": [["19:00", "21:00"]]}, "Asia/Ulaanbaatar", True),
        ({"sat": [["09:00", "17:00"]]}, "Asia/Ulaanbaatar", False),
    ],
    ids=["none", "open", "closing", "split", "other-day", "zone-open", "zone-closed"],
)
def test_hours_are_those_of_the_business(hours: Any, zone: str, is_open: bool) -> None:
    assistant = Assistant(business_hours=hours, time_zone=zone)

    assert assistant.is_open(NOON) is is_open


@pytest.mark.parametrize(
    ("hours", "zone"),
    [
        ({"sun": [["nine", "17:00"]]}, "UTC"),
        ({"sun": [["17:00", "09:00"]]}, "UTC"),
        ({"sunday": [["09:00", "17:00"]]}, "UTC"),
        ({"sun": ["09:00"]}, "UTC"),
        (["mon"], "UTC"),
        ({}, "Mars/Olympus"),
    ],
    ids=["words", "backwards", "day", "shape", "list", "zone"],
)
def test_hours_that_cannot_be_read_are_refused(
    account: Any, hours: Any, zone: str
) -> None:
    assistant = Assistant(account=account, business_hours=hours, time_zone=zone)

    with pytest.raises(ValidationError, match="Write hours as"):
        assistant.clean()
