"""Up to which ids no row can appear any more.

Rows get their ids before they are committed, so on PostgreSQL a smaller id may become
visible after a larger one. Whoever writes to a table holds a lock on it from before the
first id until after the commit. So: note the newest ids that can be seen, then who holds
such locks; once these have ended, every row up to the ids is there, or never will be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai_model.analytics.sources import SOURCES
from core import store

if TYPE_CHECKING:
    from collections.abc import Collection

    from ai_model.models import TallyFeed


def advance(feed: TallyFeed) -> None:
    """Move the feed's bound as far as is safe now; the caller holds its lock.

    Where others are writing at this moment, the next call takes it up.
    """
    for _ in range(2):
        if feed.pending and _have_ended(feed.pending["writers"]):
            feed.bound = feed.pending["ids"]
            feed.pending = None
        if feed.pending is None:
            # In this order: who takes an id after this look is not counted up to it.
            ids = _newest()
            feed.pending = {"ids": ids, "writers": sorted(_writers())}


def _newest() -> dict[str, int]:
    newest = "(SELECT COALESCE(MAX(id), 0) FROM {table}) AS {name}"
    found = ", ".join(
        newest.format(table=each.model._meta.db_table, name=each.name)
        for each in SOURCES
    )
    return store.fetch(f"SELECT {found}")[0]


def _have_ended(writers: Collection[str]) -> bool:
    return not writers or _writers().isdisjoint(writers)


def _writers() -> set[str]:
    """Others' transactions that have written to the tables, or are about to."""
    if not store.is_postgresql():
        # One writer, and that is us.
        return set()
    tables = ",".join(each.model._meta.db_table for each in SOURCES)
    rows = store.fetch(
        "SELECT DISTINCT virtualtransaction AS name FROM pg_locks"
        " WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND relation = ANY(string_to_array(%s, ',')::regclass[])"
        " AND pid IS DISTINCT FROM pg_backend_pid()",
        [tables],
    )
    return {row["name"] for row in rows}
