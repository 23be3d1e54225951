"""The short way through Django says what the long one would."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from asgiref.sync import SyncToAsync, ThreadSensitiveContext, async_to_sync
from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from django.core.asgi import get_asgi_application
from django.urls import URLPattern, URLResolver, get_resolver

from conversations.models import Message
from core.shortcut import PATH, Shortcut

pytestmark = pytest.mark.django_db(transaction=True)

ASK = "/api/agent/customer/"


def scope(path: str, method: str, headers: dict[str, str]) -> dict[str, Any]:
    return {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
    }


async def send(app: Any, path: str, method: str, headers: dict[str, str]) -> Any:
    talk = ApplicationCommunicator(app, scope(path, method, headers))
    await talk.send_input({"type": "http.request", "body": b"{}"})
    start = await talk.receive_output(10)
    body = await talk.receive_output(10)
    await talk.wait(10)
    return start["status"], dict(start["headers"]), body["body"]


@pytest.mark.parametrize(
    ("path", "method", "headers", "status"),
    [
        (ASK, "POST", {}, 400),
        (ASK, "GET", {}, 405),
        (ASK, "POST", {"accept-language": "ru"}, 400),
        (ASK, "POST", {"host": "foreign.example"}, 400),
        (ASK, "POST", {"origin": "https://foreign.example"}, 403),
        ("/api/agent/nobody/", "POST", {}, 404),
        ("/api/agent/customer", "POST", {}, 404),
        ("/api/agent/", "POST", {}, 404),
    ],
)
def test_it_answers_as_the_long_one(
    channel: Any, path: str, method: str, headers: dict[str, str], status: int
) -> None:
    sent = {"host": "localhost", "content-type": "application/json", **headers}
    long = get_asgi_application()

    short_answer = async_to_sync(send)(Shortcut(long), path, method, sent)
    long_answer = async_to_sync(send)(long, path, method, sent)

    assert short_answer[0] == status
    # Only who reads a browser's session says that the answer depends on it.
    vary = b"Vary"
    assert short_answer[1].pop(vary, b"") in long_answer[1].pop(vary, b"")
    assert short_answer == long_answer


def test_what_needs_no_database_takes_no_thread(db: None) -> None:
    async def run() -> int:
        async with ThreadSensitiveContext() as context:
            answer = await send(Shortcut(None), ASK, "GET", {"host": "localhost"})  # type: ignore[arg-type]
            assert context not in SyncToAsync.context_to_thread_executor
        return int(answer[0])

    assert async_to_sync(run)() == 405


def test_who_hangs_up_ends_the_wait_and_the_question_stays(channel: Any) -> None:
    person = {"name": "Bat", "email": "bat@example.com", "agency": "A", "office": "B"}
    body = {
        "message": "How long does delivery take?",
        "session_id": "customer-session-1",
        "user_info": {"agent_id": "7", **person},
    }
    headers = {
        "host": "localhost",
        "content-type": "application/json",
        "x-channel-key": channel.key,
    }

    async def run() -> bool:
        app = Shortcut(None)  # type: ignore[arg-type]
        talk = ApplicationCommunicator(app, scope(ASK, "POST", headers))
        await talk.send_input({"type": "http.request", "body": orjson.dumps(body)})
        while not await database_sync_to_async(Message.objects.exists)():
            await asyncio.sleep(0.01)
        await talk.send_input({"type": "http.disconnect"})
        await talk.wait(10)
        return talk.output_queue.empty()

    assert async_to_sync(run)()
    assert Message.objects.get().state == Message.State.WAITING


def views(patterns: list[Any], before: str = "/") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for each in patterns:
        path = before + str(each.pattern)
        if isinstance(each, URLResolver):
            found += views(each.url_patterns, path)
        elif isinstance(each, URLPattern):
            found.append((path, each.callback))
    return found


def test_nothing_on_it_asks_who_is_signed_in_or_for_a_token_of_a_form() -> None:
    short = [
        view for path, view in views(get_resolver().url_patterns) if PATH.match(path)
    ]

    assert short
    assert all(view.login_required is False and view.csrf_exempt for view in short)
