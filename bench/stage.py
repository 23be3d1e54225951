"""Databases and processes of one benchmark run, gone when it ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis

from core import keys

if TYPE_CHECKING:
    from collections.abc import Iterator

BASE = Path(__file__).resolve().parent.parent
_POSTGRESQL = "postgresql://postgres@127.0.0.1:5432/postgres"
_REDIS = "redis://127.0.0.1:6379/0"


class Absent(Exception):
    """A server that a row needs is not there; `str()` says which and how to help."""


class Service:
    """A process that the benchmark has started."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> None:
        """Ask it to end, then insist."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=15)
            return
        self.process.kill()
        self.process.wait()


class Stage:
    """Starts what a row needs and cleans up behind it."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self.folder = Path(
            self._stack.enter_context(
                tempfile.TemporaryDirectory(prefix="answerdesk-bench-")
            )
        )
        self._secrets = keys.generate()
        self._count = 0

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # databases

    def _admin(self) -> tuple[str, psycopg.Connection]:
        url = os.environ.get("DATABASE_URL", "")
        if not url.startswith(("postgres:", "postgresql:")):
            url = _POSTGRESQL
        url = url.replace("postgres://", "postgresql://", 1)
        try:
            return url, psycopg.connect(url, autocommit=True, connect_timeout=3)
        except psycopg.OperationalError as exc:
            reason = str(exc).strip().splitlines()[-1]
            raise Absent(
                f"No PostgreSQL: {reason}. Start one, or set DATABASE_URL to a server on"
                " which databases may be created."
            ) from exc

    def postgresql(self, template: str = "") -> str:
        """The URL of a new, empty database, or of a copy of an earlier one."""
        url, admin = self._admin()
        self._count += 1
        name = f"answerdesk_bench_{os.getpid()}_{self._count}"
        copy = f' TEMPLATE "{urlsplit(template).path[1:]}"' if template else ""
        with admin:
            admin.execute(f'CREATE DATABASE "{name}"{copy}')  # type: ignore[arg-type] # names of ours
        self._stack.callback(self._drop, name)
        return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))

    def kept(self, name: str) -> str:
        """The URL of a database of this name, made if there is none, and not dropped."""
        url, admin = self._admin()
        with admin:
            known = "SELECT 1 FROM pg_database WHERE datname = %s"
            if not admin.execute(known, [name]).fetchone():
                admin.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type] # a name of ours
        return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))

    def _drop(self, name: str) -> None:
        with self._admin()[1] as admin:
            admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')  # type: ignore[arg-type]

    def server_facts(self) -> dict[str, str]:
        """Version and settings of PostgreSQL that a durable commit depends on."""
        names = ("server_version", "fsync", "synchronous_commit", "full_page_writes")
        with self._admin()[1] as admin:
            rows = [admin.execute(f"SHOW {name}").fetchone() for name in names]  # type: ignore[arg-type]
        return {
            f"postgresql_{name}": str(row[0])
            for name, row in zip(names, rows, strict=True)
            if row
        }

    def sqlite(self) -> str:
        """The URL of a new SQLite file."""
        self._count += 1
        return f"sqlite:///{self.folder / f'bench{self._count}.db'}"

    def redis(self) -> str:
        """The URL of an empty Redis database; what lands in it is deleted at the end."""
        url = urlsplit(os.environ.get("REDIS_URL") or _REDIS)
        for number in range(15, 0, -1):
            found = urlunsplit(url._replace(path=f"/{number}"))
            client = redis.Redis.from_url(found, socket_connect_timeout=3)
            try:
                if client.dbsize() == 0:
                    self._stack.callback(client.flushdb)
                    return found
            except redis.RedisError as exc:
                raise Absent(f"No Redis: {exc}. Start one, or set REDIS_URL.") from exc
        raise Absent("Redis has no empty database among numbers 1 to 15.")

    # processes

    def env(self, **values: str) -> dict[str, str]:
        """The environment of the product's processes."""
        kept = {
            name: os.environ[name]
            for name in ("PATH", "HOME", "LANG")
            if name in os.environ
        }
        return {
            **kept,
            **self._secrets,
            "READ_DOT_ENV": "off",
            "DJANGO_SETTINGS_MODULE": "core.settings",
            "DATA_DIR": str(self.folder / "data"),
            "LOG_LEVEL": "WARNING",
            "DEMO": "off",
            # Rows say where answers are found by meaning too.
            "EMBEDDINGS": "off",
            "CHAT_RATE_LIMIT": "off",
            **values,
        }

    def start(self, name: str, arguments: list[str], env: dict[str, str]) -> Service:
        """Start `python ARGUMENTS` in the background."""
        self._count += 1
        log = self.folder / f"{self._count}-{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, *arguments], cwd=BASE, env=env, stdout=output,
                stderr=subprocess.STDOUT,
            )  # fmt: skip
        service = Service(name, process, log)
        self._stack.callback(service.stop)
        return service

    def uvicorn(
        self, app: str, workers: int, env: dict[str, str]
    ) -> tuple[Service, int]:
        """Start an ASGI application; returns when it answers."""
        port = free_port()
        service = self.start(
            app.split(":")[0],
            ["-m", "uvicorn", app, "--host", "127.0.0.1", "--port", str(port),
             "--workers", str(workers), "--no-access-log", "--log-level", "warning"],
            env,
        )  # fmt: skip
        wait_for_port(port, service)
        time.sleep(1.0)  # every worker process has to listen, not only the first
        return service, port

    def worker(self, env: dict[str, str]) -> Service:
        """Start a Celery worker with its engine; returns at once."""
        # `celery` by its file: settings know a worker by the name of its program.
        celery = str(Path(sys.executable).with_name("celery"))
        number = str(self._count)
        return self.start(
            "worker",
            [celery, "-A", "core", "worker", "-P", "threads", "-c", "2", "-l", "WARNING",
             "-n", f"bench{number}@localhost"],
            {**env, "PGAPPNAME": "answerdesk bench worker"},
        )  # fmt: skip

    def run(self, arguments: list[str], env: dict[str, str]) -> Any:
        """Run `python ARGUMENTS` to its end; returns the JSON of its last line."""
        done = subprocess.run(
            [sys.executable, *arguments], cwd=BASE, env=env, capture_output=True,
            check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"{arguments} failed:\n{done.stderr.decode()[-3000:]}")
        lines = done.stdout.decode().strip().splitlines()
        return json.loads(lines[-1]) if lines and lines[-1][:1] in "[{" else None


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, service: Service, seconds: float = 30) -> None:
    """Return when somebody listens; SystemExit when the service has ended instead."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if service.process.poll() is not None:
            raise SystemExit(
                f"{service.name} ended:\n{service.log.read_text()[-3000:]}"
            )
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port)),
        ):
            return
        time.sleep(0.05)
    raise SystemExit(f"{service.name} does not listen.")


@contextlib.contextmanager
def stopping(*services: Service) -> Iterator[None]:
    """Stop services at the end of a block, in reverse order."""
    try:
        yield
    finally:
        for service in reversed(services):
            service.stop()
