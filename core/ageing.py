"""Ids by age: they grow with time, give or take the length of a transaction.

So the rows of a span are found by the primary key, without an index by time: a search by
halves finds the first id.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Max

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet

#: By how much ids and times may disagree: no transaction takes so long.
MARGIN: Final = dt.timedelta(hours=1)


def first_id(model: type[Model], at: dt.datetime, *, time: str = "created_at") -> int:
    """An id that no row from this time on is before."""
    rows: Any = model._default_manager
    low, high = 0, (rows.aggregate(newest=Max("pk"))["newest"] or 0) + 1
    while low < high:
        middle = (low + high) // 2
        row = rows.filter(pk__gte=middle).order_by("pk").values_list(time)[:1]
        found = row.first()
        if found is None or found[0] >= at:
            high = middle
        else:
            low = middle + 1
    return low


def older(
    rows: QuerySet[Any], before: dt.datetime, *, time: str = "created_at"
) -> QuerySet[Any]:
    """Those of the rows that have been there since before a time."""
    end = first_id(rows.model, before + MARGIN, time=time)
    return rows.filter(**{f"{time}__lt": before}, pk__lt=end)
