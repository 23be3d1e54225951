"""The running service and a real browser, for tests that see what people see."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Error, Page, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: Seconds in which the service must be up on a machine that is busy.
START_S = 300.0
_TOKEN = re.compile(r"^\s*token:?\s+(\S+)\s*$", re.MULTILINE)
_PERSON = re.compile(r"^\s*(owner|support):?\s+(\S+)\s+(\S+)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Service:
    """The embedded service with the demo business."""

    url: str
    #: User name and password by role.
    people: dict[str, tuple[str, str]]
    #: Bearer token of the owner.
    token: str


@contextmanager
def running_service(folder: Path, **variables: str) -> Iterator[Service]:
    """Start `manage.py serve` with its data in this folder; stop it in the end."""
    port = _free_port()
    log = folder / "serve.log"
    env = {
        **os.environ,
        "DATA_DIR": str(folder / "data"),
        "DATABASE_URL": "",
        "REDIS_URL": "",
        "READ_DOT_ENV": "off",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "DEMO": "1",
        "LANGUAGE_CODE": "en",
        "PYTHONUNBUFFERED": "1",
        **variables,
    }
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve"],
            cwd=ROOT,
            env=env,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        people = _people(process, log)
        token = _TOKEN.findall(log.read_text())[-1]
        yield Service(f"http://127.0.0.1:{port}", people, token)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _people(process: subprocess.Popen[bytes], log: Path) -> dict[str, tuple[str, str]]:
    """Wait until the service has said who may sign in."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        said = log.read_text()
        found = {role: (name, word) for role, name, word in _PERSON.findall(said)}
        if len(found) == 2 and "is running" in said:
            return found
        time.sleep(0.1)
    raise AssertionError(f"The service did not start:\n{log.read_text()}")


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Debian's Chromium; without one the tests are skipped, in CI they fail."""
    path = shutil.which("chromium")
    if path is None:
        reason = "There is no browser: install Debian's package `chromium`."
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def page_of(browser: Browser, *, locale: str = "en-GB") -> Iterator[Page]:
    """A page of somebody with cookies of their own; its script errors fail the test."""
    context = browser.new_context(locale=locale, timezone_id="Europe/Berlin")
    context.set_default_timeout(15_000)
    page = context.new_page()
    errors: list[Error] = []
    page.on("pageerror", lambda error: errors.append(error))
    yield page
    context.close()
    assert errors == []


def sign_in(page: Page, service: Service, role: str) -> None:
    """Sign in as the demo's owner or support user, and land on the desk."""
    name, word = service.people[role]
    page.goto(f"{service.url}/desk/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(word)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/desk/")


def serious(page: Page) -> list[str]:
    """What axe finds on a page that keeps somebody from using it."""
    # Colours that are still changing have no contrast of their own.
    page.evaluate("() => Promise.all(document.getAnimations().map(a => a.finished))")
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {node['html']}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
