"""What the database does in bulk: group commit, claims, updates of many rows at once.

Each works on PostgreSQL and on SQLite. SQLite has one writer, so a claim there needs
no row locks.
"""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import orjson
from django.db import OperationalError, connection
from django.db.models.expressions import DatabaseDefault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from django.db import models
    from django.db.backends.utils import CursorWrapper

#: Seconds between two looks whether SQLite's lock is free.
_LOOK_S: Final = 0.001
#: Values that one statement of SQLite takes, in any of its builds.
_MOST_VALUES: Final = 32_000

T = TypeVar("T")
R = TypeVar("R")


class GroupCommit(Generic[T, R]):
    """Collects items and hands all that wait at that moment to one flush.

    A flush starts at once when none runs, so a lonely item never waits for company.
    """

    def __init__(
        self, flush: Callable[[list[T]], Awaitable[Sequence[R]]], *, most: int = 500
    ) -> None:
        self._flush = flush
        self._most = most
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._task: asyncio.Task[None] | None = None

    async def add(self, item: T) -> R:
        """The item's result, once the flush that held it has committed."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        while self._waiting:
            batch = self._waiting[: self._most]
            del self._waiting[: self._most]
            try:
                results = await self._flush([item for item, _ in batch])
            except BaseException as exc:  # noqa: BLE001 (each waiting caller gets it)
                for _, future in batch:
                    if not future.done():
                        future.set_exception(exc)
                if isinstance(exc, asyncio.CancelledError):
                    raise
                continue
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)


def is_postgresql() -> bool:
    """Whether the default database is PostgreSQL; else it is SQLite."""
    return connection.vendor == "postgresql"


def begin_soon(cursor: CursorWrapper) -> None:
    """Begin to write on SQLite, looking for its one lock every millisecond.

    SQLite's own waiting sleeps longer and longer, up to a tenth of a second, so that
    whoever waits longest gets it last: beside a busy engine that took over a second.
    Raises `OperationalError` once the usual time is over.
    """
    usual_s = float(connection.settings_dict["OPTIONS"].get("timeout", 5))
    until = time.monotonic() + usual_s
    cursor.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                cursor.execute("BEGIN IMMEDIATE")
            except OperationalError as exc:
                if "locked" not in str(exc) or time.monotonic() > until:
                    raise
                time.sleep(_LOOK_S)
            else:
                return
    finally:
        cursor.execute(f"PRAGMA busy_timeout = {int(usual_s * 1000)}")


def skip_locked() -> str:
    """The clause by which a claim passes over rows that another claim holds."""
    return "FOR UPDATE SKIP LOCKED" if is_postgresql() else ""


def plan_plainly() -> None:
    """For the rest of this transaction, let PostgreSQL compile no statement.

    It does where it guesses a statement to be long; of many small look-ups it guesses too
    much, and compiling takes longer than it saves.
    """
    if is_postgresql():
        execute("SET LOCAL jit = off")


def fetch(sql: str, params: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """Run a statement and return its rows by column name."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        if cursor.description is None:
            return []
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def execute(sql: str, params: Sequence[Any] = ()) -> int:
    """Run a statement and return how many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)


def update_from(
    table: str,
    *,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    assign: str,
    where: str,
) -> None:
    """Update rows from a list of values, in one statement.

    The values are called `v` and their columns as in `columns`, the table `t`. All
    SQL comes from our own code; values go in as parameters.
    """
    if not rows:
        return
    one = "(" + ", ".join(["%s"] * len(columns)) + ")"
    values = ", ".join([one] * len(rows))
    sql = (
        f"WITH v ({', '.join(columns)}) AS (VALUES {values}) "
        f"UPDATE {table} AS t SET {assign} FROM v WHERE {where}"
    )
    execute(sql, [value for row in rows for value in row])


def insert_rows(rows: Sequence[models.Model]) -> None:
    """Insert new rows of one model in one statement, and tell them their ids.

    As `bulk_create`, whose arrays psycopg escapes by regular expression: for a batch of
    replies that was half of all their processor time.
    """
    # Ids are given out in the order of the values, on both databases.
    found = sorted(_insert(rows, ""))
    for row, each in zip(rows, found, strict=True):
        row.pk = each
        row._state.adding = False
        row._state.db = connection.alias


def insert_missing(rows: Sequence[models.Model]) -> None:
    """Insert those new rows of one model that no unique key forbids.

    Nobody is told which these were: whoever needs them reads them.
    """
    _insert(rows, "ON CONFLICT DO NOTHING")


def _insert(rows: Sequence[models.Model], otherwise: str) -> list[int]:
    if not rows:
        return []
    meta = rows[0]._meta
    fields = [field for field in meta.concrete_fields if not field.primary_key]
    most = len(rows) if is_postgresql() else _MOST_VALUES // len(fields)
    insert = _insert_json if is_postgresql() else _insert_values
    return [
        each["id"]
        for start in range(0, len(rows), most)
        for each in insert(meta.db_table, fields, rows[start : start + most], otherwise)
    ]


def _names(fields: Sequence[Any]) -> str:
    return ", ".join(str(field.column) for field in fields)


def _insert_json(
    table: str, fields: Sequence[Any], rows: Sequence[models.Model], otherwise: str
) -> list[dict[str, Any]]:
    """All values in one parameter: thousands of small ones cost psycopg a fifth of it."""
    values = [{field.column: _plain(field, row) for field in fields} for row in rows]
    types = ", ".join(f"{field.column} {field.db_type(connection)}" for field in fields)
    names = _names(fields)
    return fetch(
        f"INSERT INTO {table} ({names}) SELECT {names}"
        f" FROM jsonb_to_recordset(%s::jsonb) AS v ({types}) {otherwise} RETURNING id",
        [orjson.dumps(values).decode()],
    )


def _value(field: Any, row: models.Model) -> Any:
    """A field's value in a new row; the database's own defaults are plain values."""
    value = field.pre_save(row, add=True)
    return field.db_default if isinstance(value, DatabaseDefault) else value


def _plain(field: Any, row: models.Model) -> Any:
    """The same as JSON can hold it."""
    value = _value(field, row)
    return str(value) if isinstance(value, Decimal) else value


def _insert_values(
    table: str, fields: Sequence[Any], rows: Sequence[models.Model], otherwise: str
) -> list[dict[str, Any]]:
    one = "(" + placeholders(fields) + ")"
    values = [
        field.get_db_prep_save(_value(field, row), connection)
        for row in rows
        for field in fields
    ]
    return fetch(
        f"INSERT INTO {table} ({_names(fields)}) VALUES {', '.join([one] * len(rows))}"
        f" {otherwise} RETURNING id",
        values,
    )


def update_rows(rows: Sequence[models.Model], names: Sequence[str]) -> None:
    """Save these fields of rows of one model, in one statement.

    As `bulk_update`, whose CASE expressions cost ten times as much to build.
    """
    if not rows:
        return
    meta = rows[0]._meta
    columns = {field.name: field for field in meta.concrete_fields}
    fields = [columns[name] for name in names]
    casts = [f"::{field.cast_db_type(connection)}" for field in fields]
    if not is_postgresql():
        casts = [""] * len(fields)
    update_from(
        meta.db_table,
        columns=["id", *(str(field.column) for field in fields)],
        rows=[
            (
                row.pk,
                *(
                    field.get_db_prep_save(getattr(row, field.attname), connection)
                    for field in fields
                ),
            )
            for row in rows
        ],
        assign=", ".join(
            f"{field.column} = v.{field.column}{cast}"
            for field, cast in zip(fields, casts, strict=True)
        ),
        where="t.id = v.id",
    )


def text_array(values: Sequence[str]) -> str:
    """The literal of PostgreSQL's `text[]`.

    psycopg escapes lists by regular expression: for events that was half of all
    processor time of the inbox.
    """
    escaped = [each.replace("\\", r"\\").replace('"', r"\"") for each in values]
    return '{"' + '","'.join(escaped) + '"}' if escaped else "{}"


def columns(model: type[models.Model], alias: str) -> str:
    """All columns of a model, as a SELECT over `alias` names them."""
    return ", ".join(f"{alias}.{each.column}" for each in model._meta.concrete_fields)


def placeholders(values: Sequence[Any]) -> str:
    """`%s, %s` for an IN list; the list must not be empty."""
    return ", ".join(["%s"] * len(values))
