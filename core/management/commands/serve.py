"""Everything in one process: web server, engine, Celery worker and beat."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from typing import Any

import uvicorn
from celery.beat import EmbeddedService
from celery.worker import WorkController
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from core import work
from core.celery import app as celery_app


class Command(BaseCommand):
    help = "Run the whole service in one process."

    def handle(self, *args: Any, **options: Any) -> None:
        _check_port(settings.HOST, settings.PORT)
        self._migrate()
        lines = self._load_demo() if settings.DEMO else []
        call_command("apply_settings", stdout=self.stdout)
        self._say("Starting the engine …")
        work.start()
        # uvicorn passes signals on once it has shut down; end as after Ctrl-C.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        celery = EmbeddedCelery()
        celery.start()
        try:
            _Server(lambda: self._welcome(lines)).run()
        except KeyboardInterrupt:
            pass
        finally:
            self._say("Stopping …")
            celery.stop()
            work.stop()
            self._say("Stopped; nothing that was waiting is lost.")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def _migrate(self) -> None:
        executor = MigrationExecutor(connection)
        loader = executor.loader
        newer = sorted(
            key
            for key in set(loader.applied_migrations) - set(loader.disk_migrations)
            if key[0] in loader.migrated_apps
        )
        if newer:
            app, name = newer[-1]
            raise CommandError(
                f"The database is from a newer version of Answerdesk (it has {app}"
                f" {name}). Update the code, or point DATABASE_URL elsewhere."
            )
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            self._say("Preparing the database …")
            call_command("migrate", verbosity=0, interactive=False)

    def _load_demo(self) -> list[str]:
        self._say("Loading the demo business …")
        return str(call_command("load_demo", stdout=_Silent())).splitlines()

    def _welcome(self, lines: list[str]) -> None:
        base = settings.PUBLIC_URL or f"http://{settings.HOST}:{settings.PORT}"
        self._say(
            f"\nAnswerdesk is running.\n\n"
            f"  Chat page   {base}/\n"
            f"  Live desk   {base}/desk/\n"
            f"  Portal      {base}/portal/\n"
            f"  Admin       {base}/admin/\n"
            f"  Health      {base}/api/health\n"
        )
        if lines:
            self._say("Sign in to the demo with (new at each start):\n")
            for line in lines:
                self._say(f"  {line}")
        self._say("\nCtrl-C stops it.")


class _Silent:
    """Somewhere for a command's output to go; its result is what we want."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        return None


class _Server(uvicorn.Server):
    """uvicorn that says when it listens."""

    def __init__(self, welcome: Any) -> None:
        super().__init__(
            uvicorn.Config(
                "core.asgi:application",
                host=settings.HOST,
                port=settings.PORT,
                forwarded_allow_ips=settings.FORWARDED_ALLOW_IPS,
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=5,
                ws_max_size=65_536,
            )
        )
        self._welcome = welcome

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._welcome()


class EmbeddedCelery:
    """Celery's worker and beat as threads of this process."""

    def __init__(self) -> None:
        self._worker = WorkController(
            app=celery_app,
            hostname=f"embedded@{os.getpid()}",
            pool_cls="threads",
            concurrency=1,
            loglevel="WARNING",
            without_heartbeat=True,
            without_mingle=True,
            without_gossip=True,
        )
        self._beat: Any = EmbeddedService(celery_app, thread=True)
        self._thread = threading.Thread(
            target=self._worker.start, name="celery-worker", daemon=True
        )

    def start(self) -> None:
        """Start both threads."""
        self._thread.start()
        self._beat.start()

    def stop(self) -> None:
        """Stop both, letting running tasks finish."""
        self._beat.stop()
        self._worker.stop()
        self._thread.join(timeout=5)


def _check_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as exc:
            raise CommandError(
                f"{host}:{port} cannot be used: {exc.strerror}. Stop what uses it, or"
                f" choose another: `PORT={port + 1} make run`."
            ) from exc
