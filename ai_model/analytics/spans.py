"""Days, and the ids of the rows that belong to them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.db.models import Q

from ai_model.models import Turn
from core import ageing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import Model


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
    low = ageing.first_id(model, since - ageing.MARGIN)
    high = ageing.first_id(model, until + ageing.MARGIN)
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
