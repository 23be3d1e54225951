"""Run the test suite on every database that is there.

SQLite always. PostgreSQL and Redis where they answer on localhost or where DATABASE_URL
and REDIS_URL name them; in CI they have to be there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from urllib.parse import urlsplit

import psycopg
import redis

LOCAL_DATABASES = (
    "postgres://answerdesk:answerdesk@127.0.0.1:5432/answerdesk",
    "postgres://postgres@127.0.0.1:5432/postgres",
)
LOCAL_REDIS = "redis://127.0.0.1:6379/15"


def main() -> int:
    """Run all suites; returns the exit code."""
    arguments = sys.argv[1:]
    say("Tests on SQLite, everything in one process")
    code = pytest(arguments, {"DATABASE_URL": "", "REDIS_URL": ""})
    database, broker = find_database(), find_redis()
    if database and broker:
        say(f"Tests on PostgreSQL and Redis ({host_of(database)}, {host_of(broker)})")
        return (
            pytest(arguments, {"DATABASE_URL": database, "REDIS_URL": broker}) or code
        )
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


def pytest(arguments: list[str], environment: dict[str, str]) -> int:
    """Run pytest in a process of its own."""
    command = [sys.executable, "-m", "pytest", "-q", *arguments]
    return subprocess.call(command, env={**os.environ, **environment})  # noqa: S603


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
