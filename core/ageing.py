"""Ids by age: they grow with time, give or take the length of a transaction.

So the rows of a span are found by the primary key, without an index by time: a search by
halves finds the first id.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from django.db import connection

from core import store

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet

#: By how much ids and times may disagree: no transaction takes so long.
MARGIN: Final = dt.timedelta(hours=1)

#: One statement for all halves: some twenty look-ups of the primary key. Whether the row
#: in the middle is late stands there twice, because SQLite allows no column of it.
_LATE: Final = (
    "COALESCE((SELECT {time} FROM {table} WHERE id >= (low + high) / 2"
    " ORDER BY id LIMIT 1) >= %s, TRUE)"
)
_SEARCH: Final = (
    "WITH RECURSIVE halves(low, high) AS ("  # noqa: S608 (a model's own names)
    "SELECT CAST(0 AS bigint), (SELECT COALESCE(MAX(id), 0) + 1 FROM {table})"
    " UNION ALL "
    f"SELECT CASE WHEN {_LATE} THEN low ELSE (low + high) / 2 + 1 END,"
    f" CASE WHEN {_LATE} THEN (low + high) / 2 ELSE high END"
    " FROM halves WHERE low < high"
    ") SELECT low FROM halves WHERE low >= high"
)


def first_id(model: type[Model], at: dt.datetime, *, time: str = "created_at") -> int:
    """An id that no row from this time on is before."""
    field: Any = model._meta.get_field(time)
    limit = connection.ops.adapt_datetimefield_value(at)
    sql = _SEARCH.format(table=model._meta.db_table, time=field.column)
    [found] = store.fetch(sql, [limit, limit])
    return int(found["low"])


def older(
    rows: QuerySet[Any], before: dt.datetime, *, time: str = "created_at"
) -> QuerySet[Any]:
    """Those of the rows that have been there since before a time."""
    end = first_id(rows.model, before + MARGIN, time=time)
    return rows.filter(**{f"{time}__lt": before}, pk__lt=end)
