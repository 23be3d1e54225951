"""Days, and the ids of the rows that belong to them.

Ids grow with time, give or take the length of a transaction, so no index by time is
needed: a search by halves finds the first id of a day.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Max, Q

from ai_model.models import Turn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import Model

#: By how much ids and times may disagree.
_MARGIN: Final = dt.timedelta(days=1)


def start_of(day: dt.date) -> dt.datetime:
    """When the day begins."""
    return dt.datetime.combine(day, dt.time.min, dt.UTC)


def days_between(first: dt.date, end: dt.date) -> Iterator[dt.date]:
    """Each day from the first to the one before the end."""
    for number in range((end - first).days):
        yield first + dt.timedelta(days=number)


def next_month(day: dt.date) -> dt.date:
    """The first day of the month after."""
    return (day.replace(day=1) + dt.timedelta(days=32)).replace(day=1)


def within(
    first: dt.date, end: dt.date, *, time: str, key: str, model: type[Model]
) -> Q:
    """Rows whose `time` lies on the days from `first` to before `end`.

    `key` is the way to an id of `model`, through which they are found.
    """
    since, until = start_of(first), start_of(end)
    low = _first_id(model, since - _MARGIN)
    high = _first_id(model, until + _MARGIN)
    return Q(
        **{
            f"{key}__gte": low,
            f"{key}__lt": high,
            f"{time}__gte": since,
            f"{time}__lt": until,
        }
    )


def of_turns(first: dt.date, end: dt.date) -> Q:
    """Turns that ended on the days from `first` to before `end`."""
    return within(first, end, time="finished_at", key="pk", model=Turn)


def _first_id(model: type[Model], at: dt.datetime) -> int:
    """An id that no row from this time on is before."""
    rows: Any = model._default_manager
    low, high = 0, (rows.aggregate(newest=Max("pk"))["newest"] or 0) + 1
    while low < high:
        middle = (low + high) // 2
        row = rows.filter(pk__gte=middle).order_by("pk").values_list("created_at")[:1]
        found = row.first()
        if found is None or found[0] >= at:
            high = middle
        else:
            low = middle + 1
    return low
