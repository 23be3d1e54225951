"""Run the test suite on every database that is there.

SQLite always. PostgreSQL and Redis at the same time, where they answer on localhost or
where DATABASE_URL and REDIS_URL name them; in CI they have to be there.

In CI a handful of failed tests gets a second try in a process of its own: browsers, mail
and killed workers on a busy machine must not stop a change that broke nothing. What
needed it is named in the output, to be mended.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import psycopg
import redis

LOCAL_DATABASES = (
    "postgres://answerdesk:answerdesk@127.0.0.1:5432/answerdesk",
    "postgres://postgres@127.0.0.1:5432/postgres",
)
LOCAL_REDIS = "redis://127.0.0.1:6379/15"
SQLITE = {"DATABASE_URL": "", "REDIS_URL": ""}
#: pytest's exit code when tests failed, and how many of them get a second try.
TESTS_FAILED = 1
SECOND_TRIES = 5


def main() -> int:
    """Run all suites; returns the exit code."""
    arguments = sys.argv[1:]
    database, broker = find_database(), find_redis()
    if database and broker:
        return on_both(arguments, database, broker)
    suite = Suite("Tests on SQLite, everything in one process", SQLITE, arguments)
    say(suite.title)
    code = suite.finish(suite.start())
    missing = " and ".join(
        name
        for name, found in (("PostgreSQL", database), ("Redis", broker))
        if not found
    )
    if os.environ.get("CI") == "true":
        say(f"{missing} not found; in CI the tests have to run on both. Failed.")
        return 1
    say(f"{missing} not found: the tests ran on SQLite only.")
    return code


def say(text: str) -> None:
    """A line of ours among pytest's."""
    print(f"\n=== {text}", flush=True)  # noqa: T201 (this is a command)


def on_both(arguments: list[str], database: str, broker: str) -> int:
    """Run both suites at the same time; the second one's output follows the first's."""
    first = Suite("Tests on SQLite, everything in one process", SQLITE, arguments)
    second = Suite(
        f"Tests on PostgreSQL and Redis ({host_of(database)}, {host_of(broker)})",
        {"DATABASE_URL": database, "REDIS_URL": broker},
        # Browsers look at a service on SQLite either way.
        ["-m", "not browser", *arguments],
    )
    with tempfile.TemporaryFile() as output:
        behind = second.start(output)
        try:
            say(first.title)
            codes = [first.finish(first.start())]
            say(second.title)
            behind.wait()
        finally:
            behind.terminate()
        output.seek(0)
        shutil.copyfileobj(output, sys.stdout.buffer)
        sys.stdout.flush()
        codes.append(second.finish(behind))
    return max(codes)


@dataclass
class Suite:
    """One pytest run on one database."""

    title: str
    environment: dict[str, str]
    arguments: list[str]
    #: Which tests failed is remembered here, each suite's apart.
    memory: str = field(default_factory=tempfile.mkdtemp)

    def start(
        self, output: IO[bytes] | None = None, *more: str
    ) -> subprocess.Popen[bytes]:
        """Run pytest in a process of its own."""
        command = [
            sys.executable, "-m", "pytest", "-q", "--durations=10",
            "-o", f"cache_dir={self.memory}",
            *self.arguments, *more,
        ]  # fmt: skip
        return subprocess.Popen(  # noqa: S603 (our own)
            command,
            env={**os.environ, **self.environment},
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
        )

    def finish(self, run: subprocess.Popen[bytes]) -> int:
        """The suite's exit code, after a second try of what failed."""
        code = run.wait()
        failed = self._failed() if code == TESTS_FAILED else []
        if os.environ.get("CI") != "true" or not 0 < len(failed) <= SECOND_TRIES:
            return code
        say("Once more, by themselves: " + ", ".join(failed))
        return self.start(
            None, "--last-failed", "--last-failed-no-failures=none"
        ).wait()

    def _failed(self) -> list[str]:
        path = Path(self.memory, "v", "cache", "lastfailed")
        return sorted(json.loads(path.read_text())) if path.exists() else []


def find_database() -> str:
    """A PostgreSQL where test databases may be made; empty: none."""
    named = os.environ.get("DATABASE_URL", "")
    for url in (named,) if named.startswith("postgres") else LOCAL_DATABASES:
        try:
            with psycopg.connect(url, connect_timeout=3) as connection:
                row = connection.execute(
                    "SELECT rolcreatedb OR rolsuper FROM pg_roles"
                    " WHERE rolname = current_user"
                ).fetchone()
        except psycopg.Error:
            continue
        if row and row[0]:
            return url
    return ""


def find_redis() -> str:
    """A Redis that answers; empty: none."""
    url = os.environ.get("REDIS_URL") or LOCAL_REDIS
    try:
        redis.Redis.from_url(url, socket_connect_timeout=3).ping()
    except redis.RedisError:
        return ""
    return url


def host_of(url: str) -> str:
    """Where a URL points, without its password."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}"


if __name__ == "__main__":
    sys.exit(main())
