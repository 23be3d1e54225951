"""One at a time, however many processes there are.

PostgreSQL: an advisory lock on a connection of its own. SQLite: a locked file. Either
goes with the process, so nobody has to guess how long a dead one might still work.
"""

from __future__ import annotations

import contextlib
import fcntl
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from celery import Task
from celery.exceptions import Ignore
from django.conf import settings

from core import lease, store

if TYPE_CHECKING:
    from collections.abc import Iterator

    BaseTask = Task[..., Any]
else:
    BaseTask = Task

#: First half of the advisory lock's key; "at" for Answerdesk's tasks.
LOCK_CLASS = 0x6174


class LonelyTask(BaseTask):
    """The base of all tasks: those of the schedule run one at a time each.

    A second run is a quiet return, which `core.periodic` makes visible.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run, unless a task of the schedule runs already."""
        schedule = settings.CELERY_BEAT_SCHEDULE.values()
        if all(entry["task"] != self.name for entry in schedule):
            return self.run(*args, **kwargs)
        with alone(self.name) as is_alone:
            if not is_alone:
                raise Ignore("It runs already.")
            return self.run(*args, **kwargs)


@contextlib.contextmanager
def alone(name: str) -> Iterator[bool]:
    """Whether nobody else is within a block of this name; until its end nobody can."""
    hold = _lock_in_database if store.is_postgresql() else _lock_file
    with hold(name) as is_alone:
        yield is_alone


@contextlib.contextmanager
def _lock_in_database(name: str) -> Iterator[bool]:
    # Not Django's connection: a pool would pass it on with its lock.
    key = zlib.crc32(name.encode()) - 2**31
    with lease.connect("task") as session:
        found = session.execute(
            "SELECT pg_try_advisory_lock(%s, %s)", (LOCK_CLASS, key)
        ).fetchone()
        try:
            yield bool(found and found[0])
        finally:
            # The server notices a closed connection a little later.
            with contextlib.suppress(psycopg.Error):
                session.execute("SELECT pg_advisory_unlock_all()")


@contextlib.contextmanager
def _lock_file(name: str) -> Iterator[bool]:
    folder = Path(settings.DATA_DIR) / "tasks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
