"""Bundles: prepared statements that travel to the database together.

Between two processes the way there and back, and to read and plan a statement, cost more
than most statements do: above all when little happens and nothing is warm (decision 033).
"""

from __future__ import annotations

import functools
import itertools
import weakref
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import DatabaseError, connection

from core import store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.db import models
    from django.db.backends.utils import CursorWrapper


class Bundle:
    """Statements that are run in the order in which they were added, at the latest by `send`.

    Each has the same text every time: what varies goes in as a value, a list as one
    (`store.any_of`, `store.update_statement`, `store.insert_statement`).

    On PostgreSQL all of them are one transaction, also outside of `atomic`. SQLite runs
    in our own process, where nothing travels: there each is run as it is added.
    """

    def __init__(self) -> None:
        #: SQL, its parameters, and who takes the rows.
        self._waiting: list[tuple[str, Sequence[Any], Callable[[store.Rows], Any]]] = []

    def execute(self, sql: str, params: Sequence[Any] = ()) -> None:
        """Add a statement whose rows nobody wants."""
        self._add(sql, params, len)

    def fetch(self, sql: str, params: Sequence[Any] = ()) -> store.Rows:
        """Add a statement; the list that is returned holds its rows once it was run."""
        rows: store.Rows = []
        self._add(sql, params, rows.extend)
        return rows

    def update_from(self, table: str, **how: Any) -> None:
        """Add what `store.update_from` does."""
        if how["rows"]:
            self.execute(*store.update_statement(table, **how))

    def insert_rows(self, rows: Sequence[models.Model]) -> None:
        """Add what `store.insert_rows` does; the rows know their ids once it was run."""
        if not store.is_postgresql():
            store.insert_rows(rows)
        elif rows:
            name = functools.partial(store.name_rows, rows)
            self._add(*store.insert_statement(rows), name)

    def insert_missing(self, rows: Sequence[models.Model]) -> None:
        """Add what `store.insert_missing` does."""
        if not store.is_postgresql():
            store.insert_missing(rows)
        elif rows:
            self.execute(*store.insert_statement(rows, store.MISSING))

    def update_rows(self, rows: Sequence[models.Model], names: Sequence[str]) -> None:
        """Add what `store.update_rows` does."""
        if rows:
            self.execute(*store.update_rows_statement(rows, names))

    def reserve_ids(self, model: type[models.Model], count: int) -> store.Rows:
        """Add that ids are kept for rows to be inserted, so that others may name them.

        The list holds them, ascending, once the bundle was sent. SQLite keeps none: what
        is inserted there knows its id at once.
        """
        if not store.is_postgresql():
            return []
        return self.fetch(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) AS id"
            " FROM generate_series(1, %s)",
            [model._meta.db_table, count],
        )

    def send(self) -> None:
        """Run what was added and has not been run."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        with connection.cursor() as cursor:
            calls = _calls(cursor, [sql for sql, _, _ in waiting])
            values = [value for _, params, _ in waiting for value in params]
            try:
                cursor.execute("; ".join(calls), values)
            except DatabaseError as exc:
                if getattr(exc.__cause__, "sqlstate", "") in _STALE:
                    _prepared.pop(connection.connection, None)
                raise
            for _, _, take in waiting:
                take(store.rows_of(cursor))
                cursor.nextset()

    def _add(
        self, sql: str, params: Sequence[Any], take: Callable[[store.Rows], Any]
    ) -> None:
        if store.is_postgresql():
            self._waiting.append((sql, params, take))
        else:
            take(store.fetch(sql, params))


#: Names of the statements that are prepared on each connection, by their text.
_prepared: weakref.WeakKeyDictionary[Any, dict[str, str]] = weakref.WeakKeyDictionary()
_numbers = itertools.count(1)
#: SQL states of a statement that was prepared for what is not there any more: a table
#: was altered, or a pooler has taken another connection.
_STALE: Final = {"0A000", "26000"}


def _calls(cursor: CursorWrapper, statements: Sequence[str]) -> list[str]:
    """What runs these statements; they are prepared on this connection, once."""
    if not settings.PREPARED_STATEMENTS:
        return list(statements)
    names = _prepared.setdefault(connection.connection, {})
    new = {sql: f"bundle_{next(_numbers)}" for sql in {*statements} - names.keys()}
    if new:
        cursor.execute(
            "; ".join(f"PREPARE {new[sql]} AS {_with_numbers(sql)}" for sql in new)
        )
        names.update(new)
    return [f"EXECUTE {names[sql]}{_marks(sql)}" for sql in statements]


def _with_numbers(sql: str) -> str:
    """The statement with `$1` for the first `%s`, and so on."""
    first, *others = sql.split("%s")
    return first + "".join(f"${number}{each}" for number, each in enumerate(others, 1))


@functools.cache
def _marks(sql: str) -> str:
    count = sql.count("%s")
    return f"({', '.join(['%s'] * count)})" if count else ""
