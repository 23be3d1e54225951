"""The stand-in that an operator starts to try things out."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from core.tests.network import eventually
from core.tests.raw import RawServer
from integrations.adapters.base import ChannelFacts, WebhookRequest
from integrations.adapters.chatwoot import ChatwootAdapter
from integrations.adapters.inbound import InboundMessage
from integrations.rehearsal.chatwoot import ChatwootServer
from integrations.rehearsal.freshdesk import KEY
from integrations.tests.chatwoot import CREDENTIALS

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
            stdin=subprocess.DEVNULL,
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


def test_the_rehearsal_of_telegram_says_what_is_typed_and_shows_the_reply() -> None:
    with RawServer() as hook:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "rehearse", "telegram", "--port", "0"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            assert process.stdin is not None
            url = process.stdout.readline().strip().partition("=")[2]
            token = process.stdout.readline().strip().partition("=")[2]
            bot = f"{url}/bot{token}"
            call("POST", f"{bot}/setWebhook", {"url": hook.url, "secret_token": "s"})
            call("POST", f"{bot}/sendMessage", {"chat_id": 5551, "text": "Hello!"})
            assert process.stdout.readline() == "bot: Hello!\n"
            process.stdin.write("Where is my parcel?\n")
            process.stdin.flush()
            eventually(lambda: hook.requests)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)

    (told,) = hook.requests
    assert b"\r\nx-telegram-bot-api-secret-token: s\r\n" in told.lower()
    assert b'"text": "Where is my parcel?"' in told
    assert process.returncode == 0


def test_a_fault_that_there_is_not_is_named() -> None:
    with pytest.raises(CommandError, match="no fault “boom”; there are: 429"):
        call_command("rehearse", "telegram", "--fault", "429", "boom")


def fetch(url: str, form: dict[str, str] | None = None) -> str:
    body = urllib.parse.urlencode(form).encode() if form else None
    with urllib.request.urlopen(url, body, timeout=10) as answer:  # noqa: S310
        return str(answer.read().decode())


def test_chatwoots_stand_in_plays_both_sides_and_signs_its_events() -> None:
    with RawServer() as hook, ChatwootServer(webhook=f"{hook.url}/hook") as chatwoot:
        page = fetch(chatwoot.url, {"do": "write", "text": "Where is <my> parcel?"})
        fetch(chatwoot.url, {"do": "reply", "c": "401", "text": "On its way."})
        fetch(chatwoot.url, {"do": "resolved", "c": "401"})
        eventually(lambda: len(hook.requests) == 4)

    assert "Where is &lt;my&gt; parcel?" in page
    head, _, body = hook.requests[0].partition(b"\r\n\r\n")
    names = dict(line.lower().split(": ", 1) for line in head.decode().splitlines()[1:])
    adapter = ChatwootAdapter(ChannelFacts(1, "u", 1, "chatwoot", "k", CREDENTIALS))
    request = WebhookRequest(names, {}, body)
    adapter.verify(request)
    payload = adapter.decode(body)
    assert adapter.delivery_key(request, payload) == "message_created:90001"
    (message,) = adapter.parse(payload)
    assert isinstance(message, InboundMessage)
    assert (message.text, message.author) == ("Where is <my> parcel?", "contact")
    told = [adapter.decode(each.partition(b"\r\n\r\n")[2]) for each in hook.requests]
    assert [each["event"] for each in told] == [
        "message_created",
        "message_created",
        "conversation_resolved",
        "conversation_status_changed",
    ]


@pytest.mark.parametrize("provider", ["freshdesk", "mail"])
def test_a_port_that_is_taken_is_named(provider: str) -> None:
    with RawServer() as other:
        port = other.url.rpartition(":")[2]

        with pytest.raises(CommandError, match=f"127.0.0.1:{port} cannot be used: "):
            call_command("rehearse", provider, port=int(port))
