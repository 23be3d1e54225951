"""The sign of life of a worker process.

Claimed rows carry their worker's number. PostgreSQL: a session advisory lock, which
goes with the connection. SQLite: a locked file, which goes with the process. Either
way the sign is gone the moment the worker is, and nobody has to guess by time.
"""

from __future__ import annotations

import contextlib
import fcntl
import secrets
from pathlib import Path
from typing import IO, TYPE_CHECKING

import psycopg
from django.conf import settings
from django.db import connection

from core import store

if TYPE_CHECKING:
    from collections.abc import Iterable

#: First half of the advisory lock's key; "ad" for Answerdesk.
LOCK_CLASS = 0x6164


class Lease:
    """Held by one worker process for as long as it lives."""

    def __init__(self) -> None:
        self.worker = 0
        self._session: psycopg.Connection | None = None
        self._file: IO[str] | None = None

    def hold(self) -> int:
        """Show a sign of life; returns the worker's number, new after a loss."""
        if self._is_held():
            return self.worker
        self.release()
        self.worker = secrets.randbelow(2**31 - 1) + 1
        if store.is_postgresql():
            self._session = connect("lease")
            self._session.execute(
                "SELECT pg_advisory_lock(%s, %s)", (LOCK_CLASS, self.worker)
            )
        else:
            # Locked before it can be seen: who looks deletes files without a lock.
            path = _lock_path(self.worker)
            hidden = path.with_suffix(".new")
            self._file = hidden.open("w")
            fcntl.flock(self._file, fcntl.LOCK_EX)
            hidden.rename(path)
        return self.worker

    def _is_held(self) -> bool:
        if self._session is None:
            return self._file is not None
        try:
            self._session.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    def release(self) -> None:
        """Take the sign of life away."""
        if self._session is not None:
            # At once, and not when the server notices that the session has gone.
            with contextlib.suppress(psycopg.Error):
                self._session.execute("SELECT pg_advisory_unlock_all()")
            self._session.close()
            self._session = None
        if self._file is not None:
            _lock_path(self.worker).unlink(missing_ok=True)
            self._file.close()
            self._file = None


def dead(workers: Iterable[int]) -> set[int]:
    """Those of the workers that show no sign of life."""
    asked = set(workers)
    return asked - alive() if asked else asked


def alive() -> set[int]:
    """The workers that show a sign of life."""
    if store.is_postgresql():
        rows = store.fetch(
            "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND granted "
            "AND classid = %s AND database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database())",
            [LOCK_CLASS],
        )
        return {int(row["objid"]) for row in rows}
    return {
        int(path.stem)
        for path in _lock_folder().glob("*.lock")
        if path.stem.isdigit() and _is_locked(path)
    }


def _is_locked(path: Path) -> bool:
    try:
        with path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    return False


def _lock_folder() -> Path:
    # Tests and installations that share a folder do not share a database.
    folder = Path(settings.DATA_DIR) / "workers"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _lock_path(worker: int) -> Path:
    return _lock_folder() / f"{worker}.lock"


def connect(purpose: str) -> psycopg.Connection:
    """A connection of its own to PostgreSQL, whose locks go with this process."""
    params = connection.get_connection_params()
    params.pop("cursor_factory", None)
    params.pop("context", None)
    return psycopg.connect(
        **params,
        autocommit=True,
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        application_name=f"answerdesk {purpose}",
    )
