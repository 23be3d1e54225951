"""`manage.py serve`: the whole service in one process, started as a user would."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Service:
    """A running service and what it printed."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.log = folder / "output.txt"

    def start(self) -> None:
        self.output = self.log.open("w", encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "serve"],
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "READ_DOT_ENV": "off",
                "DATA_DIR": str(self.folder),
                "PORT": str(self.port),
                "DEMO": "off",
            },
            stdout=self.output,
            stderr=subprocess.STDOUT,
        )

    def wait_until_it_runs(self, timeout_s: float = 60) -> None:
        deadline = time.monotonic() + timeout_s
        while "Answerdesk is running" not in self.text:
            assert self.process.poll() is None, self.text
            assert time.monotonic() < deadline, self.text
            time.sleep(0.05)

    @property
    def text(self) -> str:
        return self.log.read_text("utf-8")

    def get(self, path: str) -> Any:
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)

    def stop(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        self.output.close()
        return code


@pytest.fixture
def service(tmp_path: Path) -> Any:
    made = Service(tmp_path, free_port())
    yield made
    process = getattr(made, "process", None)
    if process is not None and process.poll() is None:
        process.kill()
        process.wait()
    if process is not None:
        made.output.close()


def test_it_prepares_itself_runs_and_stops_cleanly(service: Service) -> None:
    service.start()
    service.wait_until_it_runs()

    health = service.get("/api/health")
    code = service.stop()

    assert health["services"]["database"] == {"status": "healthy"}
    assert health["services"]["worker"] == {"status": "healthy", "workers": 1}
    assert code == 0, service.text
    assert "Preparing the database" in service.text
    assert f"http://127.0.0.1:{service.port}/desk/" in service.text
    assert "Stopped; nothing that was waiting is lost." in service.text
    assert "Traceback" not in service.text


def test_the_second_start_prepares_nothing_and_sigterm_stops_it_too(
    service: Service,
) -> None:
    service.start()
    service.wait_until_it_runs()
    service.stop()
    keys = (service.folder / "keys.env").read_text("utf-8")

    service.start()
    service.wait_until_it_runs()

    assert service.stop(signal.SIGTERM) == 0
    assert "Stopped; nothing" in service.text
    assert "Preparing" not in service.text
    assert (service.folder / "keys.env").read_text("utf-8") == keys


def test_its_secrets_are_for_nobody_else_to_read(service: Service) -> None:
    service.start()
    service.wait_until_it_runs()
    service.stop()

    assert (service.folder / "keys.env").stat().st_mode & 0o077 == 0


def test_a_port_that_is_taken_is_told_with_the_next_one(service: Service) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", service.port))
        taken.listen()
        service.start()
        code = service.process.wait(timeout=60)
        service.output.close()

    assert code == 1
    assert f"127.0.0.1:{service.port} cannot be used" in service.text
    assert f"PORT={service.port + 1} make run" in service.text
    assert "Traceback" not in service.text


def test_a_database_of_a_newer_version_is_left_alone(service: Service) -> None:
    service.start()
    service.wait_until_it_runs()
    service.stop()
    database = sqlite3.connect(service.folder / "answerdesk.db")
    database.execute(
        "INSERT INTO django_migrations (app, name, applied)"
        " VALUES ('conversations', '9999_later', '2030-01-01')"
    )
    database.commit()
    database.close()

    service.start()
    code = service.process.wait(timeout=60)
    service.output.close()

    assert code == 1
    assert "newer version" in service.text
    assert "9999_later" in service.text
    assert "Traceback" not in service.text
