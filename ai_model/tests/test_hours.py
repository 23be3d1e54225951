"""When a business is open."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_model.hours import DAYS, Hours
from ai_model.models import Assistant

#: A Saturday, at noon UTC.
NOON = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)
MADRID = ZoneInfo("Europe/Madrid")


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
        ({"fri": [["22:00", "13:00"]]}, "UTC", True),
        ({"fri": [["22:00", "12:00"]]}, "UTC", False),
        ({"sat": [["00:00", "00:00"]]}, "UTC", True),
    ],
    ids=[
        "none", "open", "closing", "split", "other-day", "zone-open", "zone-closed",
        "overnight", "overnight-over", "whole-day",
    ],
)  # fmt: skip
def test_hours_are_those_of_the_business(hours: Any, zone: str, is_open: bool) -> None:
    assistant = Assistant(business_hours=hours, time_zone=zone)

    assert assistant.is_open(NOON) is is_open


@pytest.mark.parametrize(
    ("special", "is_open"),
    [
        ({"2026-11-21": []}, False),
        ({"2026-11-21": [["12:00", "13:00"]]}, True),
        ({"11-21": []}, False),
        ({"11-21": [], "2026-11-21": [["11:00", "13:00"]]}, True),
        ({"2027-11-21": []}, True),
        # What began the evening before goes on.
        ({"2026-11-21": [], "2026-11-20": [["20:00", "12:30"]]}, True),
    ],
    ids=["closed", "other-hours", "every-year", "date-first", "other", "eve"],
)
@pytest.mark.parametrize("hours", [{}, {"sat": [["09:00", "17:00"]]}])
def test_a_special_day_stands_in_place_of_its_hours(
    special: Any, hours: Any, is_open: bool
) -> None:
    assistant = Assistant(business_hours=hours, special_days=special)

    assert assistant.is_open(NOON) is is_open


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("business_hours", {"sun": [["nine", "17:00"]]}, "Write hours as"),
        ("business_hours", {"sunday": [["09:00", "17:00"]]}, "Write hours as"),
        ("business_hours", {"sun": ["09:00"]}, "Write hours as"),
        ("business_hours", {"sun": "all day"}, "Write hours as"),
        ("business_hours", ["mon"], "Write hours as"),
        ("business_hours", {"mon": []}, "never opens"),
        ("special_days", {"2026-02-30": []}, "Write days as"),
        ("special_days", {"20261224": []}, "Write days as"),
        ("special_days", {"Christmas": []}, "Write days as"),
        ("special_days", [], "Write days as"),
        ("time_zone", "Mars/Olympus", "no such time zone"),
        ("time_zone", "../etc/passwd", "no such time zone"),
        ("time_zone", "", "no such time zone"),
    ],
)
def test_hours_that_cannot_be_are_refused_by_name(
    account: Any, field: str, value: Any, said: str
) -> None:
    assistant = Assistant(account=account, **{field: value})

    with pytest.raises(ValidationError, match=said) as caught:
        assistant.clean()

    assert set(caught.value.message_dict) == {field}


def test_a_business_that_opens_on_one_day_only_does_open(account: Any) -> None:
    later = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=300)
    assistant = Assistant(
        account=account,
        business_hours={"mon": []},
        special_days={later.isoformat(): [["10:00", "12:00"]]},
    )

    assistant.clean()


@pytest.mark.parametrize(
    ("special", "opens"),
    [
        ({}, "2026-11-23T09:00+01:00"),
        ({"2026-11-23": []}, "2026-11-30T09:00+01:00"),
        ({"11-23": [["10:30", "12:00"]]}, "2026-11-23T10:30+01:00"),
        ({"2026-11-21": [["16:00", "18:00"]]}, "2026-11-21T16:00+01:00"),
    ],
    ids=["next-day", "holiday", "later", "today"],
)
def test_the_next_opening_minds_special_days(special: Any, opens: str) -> None:
    hours = Hours.read({"mon": [["09:00", "17:00"]]}, special, "Europe/Madrid")

    assert hours.next_opening(NOON) == dt.datetime.fromisoformat(opens)


@pytest.mark.parametrize(
    ("span", "utc"),
    [
        # In spring the clock goes from 02:00 to 03:00, at 01:00 UTC.
        (("2026-03-29", "02:30", "05:00"), ("01:30", "03:00")),
        (("2026-03-29", "01:00", "02:30"), ("00:00", "01:30")),
        (("2026-03-28", "22:00", "04:00"), ("21:00", "02:00")),
        # In autumn from 03:00 back to 02:00, at 01:00 UTC.
        (("2026-10-25", "02:30", "05:00"), ("00:30", "04:00")),
        (("2026-10-25", "01:00", "02:30"), ("23:00", "01:30")),
        (("2026-10-25", "02:15", "02:45"), ("00:15", "01:45")),
    ],
)
def test_when_clocks_change(span: Any, utc: Any) -> None:
    date, start, end = span
    hours = Hours.read({"mon": []}, {date: [[start, end]]}, "Europe/Madrid")
    before = dt.datetime.fromisoformat(f"{date}T00:00").replace(tzinfo=MADRID)
    opens = hours.next_opening(before - dt.timedelta(hours=2))
    assert opens is not None

    closes = opens = opens.astimezone(dt.UTC)
    while hours.is_open(closes):
        closes += dt.timedelta(minutes=15)

    assert (f"{opens:%H:%M}", f"{closes:%H:%M}") == utc


def test_a_span_within_a_skipped_hour_is_none() -> None:
    hours = Hours.read(
        {"mon": []}, {"2026-03-29": [["02:15", "03:00"]]}, "Europe/Madrid"
    )

    assert hours.next_opening(dt.datetime(2026, 3, 28, tzinfo=dt.UTC)) is None


quarters = st.integers(0, 95).map(lambda n: f"{n // 4:02}:{n % 4 * 15:02}")
weeks = st.dictionaries(
    st.sampled_from(DAYS), st.lists(st.tuples(quarters, quarters), max_size=3)
)
#: Around a change of the clocks; Lord Howe's is half an hour, Beirut's at midnight.
changes = st.sampled_from(
    [
        ("Europe/Madrid", dt.datetime(2026, 3, 29, 1, tzinfo=dt.UTC)),
        ("Europe/Madrid", dt.datetime(2026, 10, 25, 1, tzinfo=dt.UTC)),
        ("America/New_York", dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC)),
        ("Australia/Lord_Howe", dt.datetime(2026, 4, 4, 15, tzinfo=dt.UTC)),
        ("Asia/Beirut", dt.datetime(2026, 3, 28, 22, tzinfo=dt.UTC)),
        ("America/Havana", dt.datetime(2026, 11, 1, 5, tzinfo=dt.UTC)),
    ]
)
offsets = st.integers(-3 * 96, 3 * 96).map(lambda n: dt.timedelta(minutes=15 * n))


@settings(max_examples=60)
@given(weeks, changes, offsets)
def test_whatever_the_hours_the_next_opening_is_one(
    week: Any, change: Any, offset: dt.timedelta
) -> None:
    zone, at = change
    at += offset
    hours = Hours.read(week, {}, zone)

    opens = hours.next_opening(at)

    if opens is None:
        assert not any(spans for spans in hours.week) or hours.is_open(at)
        return
    assert opens > at
    assert hours.is_open(opens)
    if not hours.is_open(at):
        between = at
        while between < opens:
            assert not hours.is_open(between)
            between += max(dt.timedelta(minutes=15), (opens - at) / 20)


@settings(max_examples=60)
@given(weeks.filter(bool), changes, offsets)
def test_far_from_a_change_the_clock_on_the_wall_decides(
    week: Any, change: Any, offset: dt.timedelta
) -> None:
    zone, at = change
    at += offset
    if abs(offset) < dt.timedelta(hours=3):
        return
    wall = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)

    def covers(day: dt.date) -> bool:
        for start, end in week.get(DAYS[day.weekday()], []):
            opens = dt.datetime.combine(day, dt.time.fromisoformat(start))
            closes = dt.datetime.combine(day, dt.time.fromisoformat(end))
            if closes <= opens:
                closes += dt.timedelta(days=1)
            if opens <= wall < closes:
                return True
        return False

    yesterday = wall.date() - dt.timedelta(days=1)
    expected = covers(wall.date()) or covers(yesterday)
    assert Hours.read(week, {}, zone).is_open(at) is expected
