"""When a business is open: the hours of a week, special days, and what comes next.

Hours are those of the clock on the business's wall. A span whose end is not after its
start goes on into the next day and belongs to the day on which it begins. What a special
day says stands in place of all that would begin on it. A time that clocks skip in spring
counts as an hour later; one that they show twice in autumn is the first of the two for an
opening and the second for a closing.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: How far ahead an opening is looked for; what comes later is as good as never.
_HORIZON: Final = 400
_MIDNIGHT: Final = dt.time()
_DAY: Final = dt.timedelta(days=1)

#: From and until, on the clock; from midnight until midnight is the whole day.
Span = tuple[dt.time, dt.time]
Spans = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Hours:
    """When one business is open."""

    zone: zoneinfo.ZoneInfo
    #: Monday first.
    week: tuple[Spans, ...]
    #: By date, `2026-12-25`, or by day of every year, `12-25`.
    special: Mapping[str, Spans]

    @classmethod
    def read(cls, week: Any, special: Any, zone: str) -> Hours:
        """The hours as an assistant keeps them; raises ValueError."""
        return cls(read_zone(zone), read_week(week), read_special(special))

    def is_open(self, at: dt.datetime) -> bool:
        """Whether it is open at this time."""
        today = at.astimezone(self.zone).date()
        return any(
            opens <= at < closes
            for date in (today - _DAY, today)
            for opens, closes in self._on(date)
        )

    def next_opening(self, at: dt.datetime) -> dt.datetime | None:
        """The first opening after this time, on its own clock; None: never."""
        today = at.astimezone(self.zone).date()
        for ahead in range(-1, _HORIZON):
            openings = [opens for opens, _ in self._on(today + ahead * _DAY)]
            if coming := [each for each in openings if each > at]:
                return min(coming).astimezone(self.zone)
        return None

    def _on(self, date: dt.date) -> Iterator[tuple[dt.datetime, dt.datetime]]:
        """What begins on this date, as instants."""
        for start, end in self._spans(date):
            opens = dt.datetime.combine(date, start, self.zone)
            last = date if end > start else date + _DAY
            closes = dt.datetime.combine(last, end, self.zone)
            ends = max(_utc(closes), _utc(closes.replace(fold=1)))
            # Nothing is left of a span that lies wholly in a skipped hour.
            if _utc(opens) < ends:
                yield _utc(opens), ends

    def _spans(self, date: dt.date) -> Spans:
        for name in (date.isoformat(), f"{date:%m-%d}"):
            if name in self.special:
                return self.special[name]
        return self.week[date.weekday()]


def read_zone(name: str) -> zoneinfo.ZoneInfo:
    """The time zone of this name; raises ValueError."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, OSError) as exc:
        raise ValueError(f"There is no time zone “{name}”.") from exc


def read_week(value: Any) -> tuple[Spans, ...]:
    """From `{"mon": [["09:00", "17:00"]], …}`; empty: always. Raises ValueError."""
    if not value and isinstance(value, dict):
        return (((_MIDNIGHT, _MIDNIGHT),),) * len(DAYS)
    days = _spans_by_name(value)
    if unknown := set(days).difference(DAYS):
        raise ValueError(f"{', '.join(sorted(unknown))}: no day of the week.")
    return tuple(days.get(day, ()) for day in DAYS)


def read_special(value: Any) -> dict[str, Spans]:
    """From `{"2026-12-24": [["09:00", "12:00"]], "12-25": []}`; raises ValueError."""
    days = _spans_by_name(value)
    for name in days:
        # In a leap year, so that 29 February may be one.
        date = dt.date.fromisoformat(name if len(name) > 5 else f"2024-{name}")
        if name not in (date.isoformat(), f"{date:%m-%d}"):
            raise ValueError(f"{name}: no date.")
    return days


def _spans_by_name(value: Any) -> dict[str, Spans]:
    try:
        return {
            str(name): tuple((read_time(start), read_time(end)) for start, end in spans)
            for name, spans in value.items()
        }
    except (AttributeError, TypeError) as exc:
        raise ValueError("These are no hours by day.") from exc


def read_time(text: Any) -> dt.time:
    """A time on the clock, to the minute; raises ValueError."""
    at = dt.time.fromisoformat(text)
    if at != at.replace(second=0, microsecond=0, tzinfo=None):
        raise ValueError(f"{text}: no time on the clock.")
    return at


def _utc(at: dt.datetime) -> dt.datetime:
    return at.astimezone(dt.UTC)
