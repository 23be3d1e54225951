"""The stand-in that an operator starts to try things out."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from core.tests.raw import RawServer
from integrations.rehearsal.freshdesk import KEY

ROOT = Path(__file__).resolve().parents[2]
LOGIN = base64.b64encode(f"{KEY}:X".encode()).decode()


def call(method: str, url: str, body: Any = None) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), method=method)  # noqa: S310
    request.add_header("Authorization", f"Basic {LOGIN}")
    request.add_header("Content-Type", "application/json")
    request.add_header("Accept", "application/json")
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.load(answer)


def test_the_rehearsal_takes_a_ticket_and_tells_the_webhook_of_a_change() -> None:
    ticket = {
        "email": "bat@example.mn",
        "status": 2,
        "priority": 2,
        "source": 7,
        "custom_fields": {"cf_shop": "Darkhan"},
    }
    with RawServer() as hook:
        process = subprocess.Popen(
            [
                *(sys.executable, "manage.py", "rehearse", "freshdesk", "--port", "0"),
                *("--webhook", f"{hook.url}/hook", "--header", "X-Webhook-Secret: s"),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip().partition("=")[2]
            made = call("POST", f"{url}/api/v2/tickets", ticket)
            call("PUT", f"{url}/api/v2/tickets/{made['id']}", {"status": 4})
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)

    (told,) = hook.requests
    assert b"\r\nX-Webhook-Secret: s\r\n" in told
    assert b'{"ticket_id": "101", "status": 4}' in told
    assert process.returncode == 0
