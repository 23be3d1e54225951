"""What the database does in bulk: claims, inserts and updates of many rows at once.

Each works on PostgreSQL and on SQLite. SQLite has one writer, so a claim there needs
no row locks.
"""

from __future__ import annotations

import functools
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeVar

import orjson
from django.db import OperationalError, connection
from django.db.models.expressions import DatabaseDefault

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from django.db import models
    from django.db.backends.utils import CursorWrapper

#: Seconds between two looks whether SQLite's lock is free.
_LOOK_S: Final = 0.001
#: Values that one statement of SQLite takes, in any of its builds.
_MOST_VALUES: Final = 32_000

M = TypeVar("M", bound="models.Model")
#: What a statement returns, each row by column name.
Rows = list[dict[str, Any]]


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


def fetch(sql: str, params: Sequence[Any] = ()) -> Rows:
    """Run a statement and return its rows by column name."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return rows_of(cursor)


def rows_of(cursor: CursorWrapper) -> Rows:
    """What the statement that was just run returned."""
    if cursor.description is None:
        return []
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def execute(sql: str, params: Sequence[Any] = ()) -> int:
    """Run a statement and return how many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)


def update_from(table: str, **how: Any) -> None:
    """Update rows from a list of values, in one statement, as `update_statement` says."""
    if how["rows"]:
        execute(*update_statement(table, **how))


def update_statement(
    table: str,
    *,
    columns: dict[str, str],
    rows: Sequence[Sequence[Any]],
    assign: str,
    where: str,
) -> tuple[str, list[Any]]:
    """Updates rows from a list of values `v`, as `with_values` says; the table is `t`."""
    values, params = with_values(columns, rows)
    return f"{values} UPDATE {table} AS t SET {assign} FROM v WHERE {where}", params


def with_values(
    columns: dict[str, str], rows: Sequence[Sequence[Any]]
) -> tuple[str, list[Any]]:
    """`WITH v AS …` over a list of values, which must not be empty, and its parameters.

    `columns` are their names and PostgreSQL's types. All SQL comes from our own code.
    """
    if is_postgresql():
        types = ", ".join(f"{name} {type_}" for name, type_ in columns.items())
        # The limit tells the planner how many there are; else it guesses a hundred, and
        # would rather read a table whole.
        source = f"SELECT * FROM jsonb_to_recordset(%s::jsonb) AS v ({types}) LIMIT %s"
        values = [dict(zip(columns, row, strict=True)) for row in rows]
        params = [orjson.dumps(values).decode(), len(rows)]
    else:
        one = f"({placeholders(rows[0])})"
        source = f"VALUES {', '.join([one] * len(rows))}"
        params = [value for row in rows for value in row]
    return f"WITH v ({', '.join(columns)}) AS ({source})", params


def joined(table: str, alias: str, where: str) -> str:
    """Joins those rows of a table, under this alias, that belong to each row before.

    PostgreSQL looks each of them up by an index, however few rows it believes the table
    to have. It keeps the plan of a prepared statement, and one that was made when the
    database was new would read the table whole.
    """
    if is_postgresql():
        rows = f"SELECT * FROM {table} AS {alias} WHERE {where} OFFSET 0"
        return f"CROSS JOIN LATERAL ({rows}) AS {alias}"
    return f"JOIN {table} AS {alias} ON {where}"


def insert_rows(rows: Sequence[models.Model]) -> None:
    """Insert new rows of one model in one statement, and tell them their ids.

    As `bulk_create`, whose arrays psycopg escapes by regular expression: for a batch of
    replies that was half of all their processor time.
    """
    name_rows(rows, _insert(rows))


def name_rows(rows: Sequence[models.Model], found: Rows) -> None:
    """Tell rows the ids with which they were inserted."""
    # Ids are given out in the order of the values, on both databases.
    for row, each in zip(rows, sorted(each["id"] for each in found), strict=True):
        row.pk = each
        row._state.adding = False
        row._state.db = connection.alias


def insert_missing(rows: Sequence[models.Model]) -> None:
    """Insert those new rows of one model that no unique key forbids.

    Nobody is told which these were: whoever needs them reads them.
    """
    _insert(rows, MISSING)


#: Ends an `insert_statement` of rows of which some may be there.
MISSING: Final = " ON CONFLICT DO NOTHING"


def _insert(rows: Sequence[models.Model], otherwise: str = "") -> Rows:
    if not rows:
        return []
    fields = len(rows[0]._meta.concrete_fields)
    most = len(rows) if is_postgresql() else _MOST_VALUES // fields
    return [
        each
        for start in range(0, len(rows), most)
        for each in fetch(*insert_statement(rows[start : start + most], otherwise))
    ]


def insert_statement(
    rows: Sequence[models.Model], otherwise: str = ""
) -> tuple[str, list[Any]]:
    """Inserts new rows of one model, with their ids where they have any; returns ids."""
    meta = rows[0]._meta
    has_ids = rows[0].pk is not None
    fields = [each for each in meta.concrete_fields if has_ids or not each.primary_key]
    names = ", ".join(str(each.column) for each in fields)
    values = _json_values if is_postgresql() else _plain_values
    source, params = values(type(rows[0]), fields, rows)
    return (
        f"INSERT INTO {meta.db_table} ({names}) {source}{otherwise} RETURNING id",
        params,
    )


def _json_values(
    model: type[models.Model], fields: Sequence[Any], rows: Sequence[models.Model]
) -> tuple[str, list[Any]]:
    """All in one parameter: thousands of small ones cost psycopg five times as much."""
    values = [
        {field.column: _for_json(field, _value(field, row)) for field in fields}
        for row in rows
    ]
    names = ", ".join(str(each.column) for each in fields)
    return (
        f"SELECT {names} FROM jsonb_to_recordset(%s::jsonb) AS v ({_types(model)})",
        [orjson.dumps(values).decode()],
    )


@functools.cache
def _types(model: type[models.Model]) -> str:
    """The columns of a model with their types, as PostgreSQL names them."""
    fields = model._meta.concrete_fields
    return ", ".join(f"{each.column} {each.db_type(connection)}" for each in fields)


def _value(field: Any, row: models.Model) -> Any:
    """A field's value in a new row; the database's own defaults are plain values."""
    value = field.pre_save(row, add=True)
    return field.db_default if isinstance(value, DatabaseDefault) else value


def _for_json(_: Any, value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value


def _for_column(field: Any, value: Any) -> Any:
    return field.get_db_prep_save(value, connection)


def _plain_values(
    _: type[models.Model], fields: Sequence[Any], rows: Sequence[models.Model]
) -> tuple[str, list[Any]]:
    one = "(" + placeholders(fields) + ")"
    return f"VALUES {', '.join([one] * len(rows))}", [
        _for_column(field, _value(field, row)) for row in rows for field in fields
    ]


def update_rows(rows: Sequence[models.Model], names: Sequence[str]) -> None:
    """Save these fields of rows of one model, in one statement.

    As `bulk_update`, whose CASE expressions cost ten times as much to build.
    """
    if rows:
        execute(*update_rows_statement(rows, names))


def update_rows_statement(
    rows: Sequence[models.Model], names: Sequence[str]
) -> tuple[str, list[Any]]:
    """Saves these fields of rows of one model, of which there must be one."""
    meta = rows[0]._meta
    every = {field.name: field for field in meta.concrete_fields}
    fields = [every["id"], *(every[name] for name in names)]
    convert = _for_json if is_postgresql() else _for_column
    return update_statement(
        meta.db_table,
        columns={str(each.column): str(each.db_type(connection)) for each in fields},
        rows=[
            [convert(field, getattr(row, field.attname)) for field in fields]
            for row in rows
        ],
        assign=", ".join(f"{each.column} = v.{each.column}" for each in fields[1:]),
        where="t.id = v.id",
    )


def text_array(values: Sequence[str]) -> str:
    """The literal of PostgreSQL's `text[]`.

    psycopg escapes lists by regular expression: for events that was half of all
    processor time of the inbox.
    """
    escaped = [each.replace("\\", r"\\").replace('"', r"\"") for each in values]
    return '{"' + '","'.join(escaped) + '"}' if escaped else "{}"


@functools.cache
def columns(model: type[models.Model], alias: str) -> str:
    """All columns of a model, as a SELECT over `alias` names them."""
    return ", ".join(f"{alias}.{each.column}" for each in model._meta.concrete_fields)


def instances(model: type[M], rows: Rows) -> list[M]:
    """Instances from rows that hold all `columns` of a model.

    What else a row holds becomes an attribute of its instance, as it is.
    """
    readers = _readers(model, connection.vendor)
    names = [field.attname for field, _ in readers]
    more = set(rows[0]) - {field.column for field, _ in readers} if rows else ()
    found = []
    for row in rows:
        values = []
        for field, converters in readers:
            value = row[field.column]
            for convert in converters:
                value = convert(value, field.cached_col, connection)
            values.append(value)
        instance = model.from_db(connection.alias, names, values)
        for name in more:
            setattr(instance, name, row[name])
        found.append(instance)
    return found


@functools.cache
def _readers(
    model: type[models.Model], _vendor: str
) -> list[tuple[Any, list[Callable[[Any, Any, Any], Any]]]]:
    """The fields of a model, and what makes Python's values of the database's."""
    return [
        (
            field,
            connection.ops.get_db_converters(field.cached_col)
            + field.get_db_converters(connection),
        )
        for field in model._meta.concrete_fields
    ]


def any_of(keys: Collection[int]) -> tuple[str, list[Any]]:
    """The condition that an id is one of these, and its parameters.

    On PostgreSQL its text is always the same. SQLite, too, knows lists that are empty.
    """
    if is_postgresql():
        return "= ANY(%s::bigint[])", [f"{{{','.join(map(str, keys))}}}"]
    return f"IN ({placeholders(keys)})", list(keys)


def any_text(values: Collection[str]) -> tuple[str, list[Any]]:
    """The same for texts."""
    if is_postgresql():
        return "= ANY(%s::text[])", [text_array([*values])]
    return f"IN ({placeholders(values)})", [*values]


def any_in(select: str) -> str:
    """The condition that an id is one of the few that a SELECT gives.

    Prepared, PostgreSQL would guess many where the SELECT is an ordinary subquery.
    """
    return f"= ANY(ARRAY({select}))" if is_postgresql() else f"IN ({select})"


def placeholders(values: Collection[Any]) -> str:
    """`%s, %s` for an IN list; the list must not be empty."""
    return ", ".join(["%s"] * len(values))
