"""Times as histograms, which can be added up, and what is read from them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from django.db.models import BigIntegerField, Case, Value, When

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECOND, _MINUTE, _HOUR = 1_000, 60_000, 3_600_000
#: Upper ends of the groups, in milliseconds; each is at most twice the one before.
BOUNDS: Final = (
    50, 100, 150, 250, 400, 600, _SECOND, 1_500, 2_500, 4_000, 6_000, 10 * _SECOND,
    15 * _SECOND, 25 * _SECOND, 40 * _SECOND, _MINUTE, 2 * _MINUTE, 3 * _MINUTE,
    5 * _MINUTE, 10 * _MINUTE, 20 * _MINUTE, 40 * _MINUTE, _HOUR, 2 * _HOUR, 4 * _HOUR,
    8 * _HOUR, 16 * _HOUR, 24 * _HOUR, 48 * _HOUR,
)  # fmt: skip
#: The group of all that took longer.
LONGER: Final = 0


def group_of(field: str) -> Case:
    """The database's expression for the group of a time in ms."""
    return Case(
        *(When(**{f"{field}__lte": bound}, then=Value(bound)) for bound in BOUNDS),
        default=Value(LONGER),
        output_field=BigIntegerField(),
    )


def group_of_span(span: dt.timedelta) -> int:
    """The group of a time at hand."""
    ms = span / dt.timedelta(milliseconds=1)
    return next((bound for bound in BOUNDS if ms <= bound), LONGER)


def quantile(groups: Mapping[int, int], share: float) -> int | None:
    """The time, in ms, that this share of all stayed under, as far as groups tell."""
    wanted = share * sum(groups.values())
    if not wanted:
        return None
    start = 0
    for bound in BOUNDS:
        count = groups.get(bound, 0)
        if count and count >= wanted:
            return round(start + (bound - start) * wanted / count)
        wanted -= count
        start = bound
    return BOUNDS[-1]
