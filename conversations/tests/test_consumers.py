"""Sockets: the desk hears its accounts, a chat page its own session."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts.models import Token
from accounts.services import create_token, revoke_tokens
from conversations import live, services, watching
from conversations.consumers import (
    CLOSE_CHANGED,
    CLOSE_REFUSED,
    CLOSE_SLOW,
    CLOSE_TOO_MUCH,
    CLOSE_UNKNOWN,
    MOST_BYTES,
    MOST_MESSAGES,
)
from conversations.models import Conversation
from conversations.tests.acting import say
from core import hub
from core.asgi import application
from integrations.tests.factories import ChannelFactory

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

pytestmark = pytest.mark.django_db(transaction=True)

SESSION = "f3a1c2d4-0000-4000-8000-1234567890ab"
ORIGIN = (b"origin", b"http://localhost:8000")


class Socket:
    """A browser's or a program's socket."""

    def __init__(self, path: str, *headers: tuple[bytes, bytes]) -> None:
        self._app = ApplicationCommunicator(
            application,
            {
                "type": "websocket",
                "path": path,
                "query_string": b"",
                "headers": [(b"host", b"localhost:8000"), *headers],
                "subprotocols": [],
            },
        )

    async def open(self, timeout_s: float = 5) -> bool:
        await self._app.send_input({"type": "websocket.connect"})
        return bool(
            (await self._app.receive_output(timeout_s))["type"] == "websocket.accept"
        )

    async def say(self, what: Any) -> None:
        text = what if isinstance(what, str) else json.dumps(what)
        await self._app.send_input({"type": "websocket.receive", "text": text})

    async def hear(self) -> Any:
        """The next event that is not just a hint to read again."""
        while True:
            event = json.loads((await self._app.receive_output(5))["text"])
            if event["type"] != "resync":
                return event

    async def hears_nothing(self) -> bool:
        while not await self._app.receive_nothing(0.3):
            event = json.loads((await self._app.receive_output(5))["text"])
            if event["type"] != "resync":
                return False
        return True

    async def code(self) -> int:
        """The code with which the server closes."""
        while True:
            message = await self._app.receive_output(5)
            if message["type"] == "websocket.close":
                await self.leave()
                return int(message["code"])

    async def leave(self) -> None:
        await self._app.send_input({"type": "websocket.disconnect", "code": 1000})
        await self._app.wait(5)


def run(scene: Callable[[], Awaitable[None]]) -> None:
    async_to_sync(scene)()


def bearer(token: str) -> tuple[bytes, bytes]:
    return b"authorization", f"Bearer {token}".encode()


def cookie(user: Any) -> tuple[bytes, bytes]:
    client = Client()
    client.force_login(user)
    return b"cookie", f"sessionid={client.cookies['sessionid'].value}".encode()


def chat_path(channel: Any) -> str:
    return f"/ws/chat/{channel.uuid}/"


def test_the_desk_hears_its_own_account_and_no_other(channel: Any, bob: Any) -> None:
    foreign = ChannelFactory()
    key = cookie(bob)

    async def scene() -> None:
        desk = Socket("/ws/desk/", ORIGIN, key)
        assert await desk.open()
        await asyncio.sleep(0.3)
        await sync_to_async(say)(foreign, "not for Bob")
        await sync_to_async(say)(channel, "for Bob")
        event = await desk.hear()
        assert event["type"] == "conversation.changed"
        assert event["seq"] == 1
        row = await sync_to_async(Conversation.objects.get)(channel=channel)
        assert event["conversation"] == str(row.uuid)
        assert await desk.hears_nothing()
        await desk.leave()

    run(scene)
    assert hub.hub.groups() == []


def test_a_program_hears_the_account_of_its_token(
    channel: Any, bob: Any, account: Any
) -> None:
    token = create_token(user=bob, account=account)

    async def scene() -> None:
        desk = Socket("/ws/desk/", bearer(token))
        assert await desk.open()
        await asyncio.sleep(0.3)
        await sync_to_async(say)(channel, "Hello")
        assert (await desk.hear())["seq"] == 1
        await desk.leave()

    run(scene)


@pytest.mark.parametrize(
    "header",
    [None, bearer("wrong"), bearer(""), bearer("é"), (b"authorization", b"Basic x")],
    ids=["nobody", "wrong", "empty", "odd", "other scheme"],
)
def test_the_desk_is_closed_to_strangers(db: None, header: Any) -> None:
    headers = [header] if header else []

    async def scene() -> None:
        desk = Socket("/ws/desk/", ORIGIN, *headers)
        await desk.open()
        assert await desk.code() == CLOSE_UNKNOWN

    run(scene)


def test_a_revoked_token_opens_nothing(bob: Any, account: Any) -> None:
    token = create_token(user=bob, account=account)
    revoke_tokens(Token.objects.all())

    async def scene() -> None:
        desk = Socket("/ws/desk/", bearer(token))
        await desk.open()
        assert await desk.code() == CLOSE_UNKNOWN

    run(scene)


def test_who_is_no_member_any_more_hears_nothing(bob: Any, account: Any) -> None:
    token = create_token(user=bob, account=account)
    bob.memberships.all().delete()
    key = cookie(bob)

    async def scene() -> None:
        for header in (bearer(token), key):
            desk = Socket("/ws/desk/", ORIGIN, header)
            await desk.open()
            assert await desk.code() == CLOSE_UNKNOWN

    run(scene)


def revoke(bob: Any) -> None:
    revoke_tokens(Token.objects.all())


def expire(bob: Any) -> None:
    Token.objects.update(expiry=timezone.now())


def leave(bob: Any) -> None:
    bob.memberships.all().delete()


def deactivate(bob: Any) -> None:
    type(bob).objects.update(is_active=False)


def sign_out(bob: Any) -> None:
    Session.objects.all().delete()


def change_password(bob: Any) -> None:
    bob.set_password("another one")
    bob.save()


@pytest.mark.parametrize(
    ("by", "happens"),
    [
        ("token", revoke),
        ("token", expire),
        ("token", leave),
        ("token", deactivate),
        ("session", leave),
        ("session", deactivate),
        ("session", sign_out),
        ("session", change_password),
    ],
)
def test_an_open_socket_is_cut_within_seconds(
    bob: Any, channel: Any, account: Any, monkeypatch: Any, by: str, happens: Any
) -> None:
    monkeypatch.setattr(watching, "CHECK_S", 0.1)
    token = create_token(user=bob, account=account)
    key = bearer(token) if by == "token" else cookie(bob)

    async def scene() -> None:
        desk = Socket("/ws/desk/", ORIGIN, key)
        assert await desk.open()
        assert await desk.hears_nothing()
        await sync_to_async(happens)(bob)
        assert await desk.code() == CLOSE_CHANGED

    run(scene)
    assert hub.hub.groups() == []


def test_the_sockets_of_others_stay_open(
    bob: Any, channel: Any, account: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(watching, "CHECK_S", 0.1)
    tokens = [create_token(user=bob, account=account) for _ in range(2)]

    async def scene() -> None:
        first, second = (Socket("/ws/desk/", bearer(token)) for token in tokens)
        assert await first.open()
        assert await second.open()
        await sync_to_async(revoke_one)(tokens[0])
        assert await first.code() == CLOSE_CHANGED
        await sync_to_async(say)(channel, "Hello")
        assert (await second.hear())["seq"] == 1
        await second.leave()

    run(scene)


def revoke_one(token: str) -> None:
    revoke_tokens(Token.objects.filter(token_key=token[:15]))


def test_a_page_of_a_foreign_site_may_not_use_its_visitors_sign_in(bob: Any) -> None:
    key = cookie(bob)

    async def scene() -> None:
        desk = Socket("/ws/desk/", (b"origin", b"https://evil.example"), key)
        assert not await desk.open()

    run(scene)


def test_a_socket_that_is_too_slow_is_cut(channel: Any, bob: Any, account: Any) -> None:
    key = cookie(bob)

    async def scene() -> None:
        desk = Socket("/ws/desk/", ORIGIN, key)
        await desk.open()
        await asyncio.sleep(0.3)
        group = live.account_group(account.pk)
        for _ in range(hub.MAILBOX_SIZE + 50):
            hub.hub.deliver(group, '{"v":1,"type":"conversation.changed"}')
        assert await desk.code() == CLOSE_SLOW

    run(scene)


def test_a_chat_page_hears_its_own_session_only(channel: Any) -> None:
    async def scene() -> None:
        page = Socket(chat_path(channel), ORIGIN)
        assert await page.open()
        await page.say({"key": channel.key, "session_id": SESSION})
        assert (await page.hear())["type"] == "watching"
        await asyncio.sleep(0.3)
        await sync_to_async(say)(channel, "other", thread=SESSION[:-1] + "0")
        await sync_to_async(say)(channel, "mine", thread=SESSION)
        assert (await page.hear())["seq"] == 2
        assert await page.hears_nothing()
        await page.leave()

    run(scene)


@pytest.mark.parametrize(
    "hello",
    [
        {"key": "wrong", "session_id": SESSION},
        {"session_id": SESSION},
        {"key": None, "session_id": SESSION},
        {"key": "RIGHT", "session_id": "short"},
        {"key": "RIGHT"},
        [],
        "not json",
        "",
        '"\\ud800"',
    ],
    ids=[
        "wrong",
        "none",
        "null",
        "short",
        "no session",
        "list",
        "text",
        "empty",
        "odd",
    ],
)
def test_who_cannot_say_what_to_watch_is_refused(channel: Any, hello: Any) -> None:
    if isinstance(hello, dict) and hello.get("key") == "RIGHT":
        hello = {**hello, "key": channel.key}

    async def scene() -> None:
        page = Socket(chat_path(channel), ORIGIN)
        await page.open()
        await page.say(hello)
        assert await page.code() == CLOSE_REFUSED

    run(scene)


def test_another_channels_key_is_refused(channel: Any) -> None:
    other = ChannelFactory()

    async def scene() -> None:
        page = Socket(chat_path(channel), ORIGIN)
        await page.open()
        await page.say({"key": other.key, "session_id": SESSION})
        assert await page.code() == CLOSE_REFUSED

    run(scene)


def test_a_second_hello_changes_nothing(channel: Any) -> None:
    async def scene() -> None:
        page = Socket(chat_path(channel), ORIGIN)
        await page.open()
        await page.say({"key": channel.key, "session_id": SESSION})
        await page.hear()
        await page.say({"key": channel.key, "session_id": SESSION[:-1] + "0"})
        await asyncio.sleep(0.3)
        await sync_to_async(say)(channel, "other", thread=SESSION[:-1] + "0")
        assert await page.hears_nothing()
        await page.leave()

    run(scene)


def test_words_of_an_epoch_that_has_passed_are_dropped(channel: Any) -> None:
    say(channel, "How long?", thread=SESSION)
    row = Conversation.objects.get()
    group = live.conversation_group(channel.pk, SESSION)

    def words(epoch: int, text: str) -> None:
        event = live.TextEvent(
            v=1, type="turn.text", conversation=str(row.uuid), epoch=epoch, text=text
        )
        hub.publish([(group, event)])

    async def scene() -> None:
        page = Socket(chat_path(channel), ORIGIN)
        await page.open()
        await page.say({"key": channel.key, "session_id": SESSION})
        await page.hear()
        await asyncio.sleep(0.3)
        await sync_to_async(words)(0, "Three")
        assert (await page.hear())["text"] == "Three"
        await sync_to_async(services.hand_off)(conversation=row, reason="taken_over")
        assert (await page.hear())["status"] == "support_active"
        await sync_to_async(words)(0, "Three days")
        await sync_to_async(words)(1, "new")
        assert (await page.hear())["text"] == "new"
        await page.leave()

    run(scene)


@pytest.mark.parametrize("size", [1, MOST_BYTES + 1])
def test_who_says_too_much_is_cut(bob: Any, account: Any, size: int) -> None:
    token = create_token(user=bob, account=account)

    async def scene() -> None:
        desk = Socket("/ws/desk/", bearer(token))
        assert await desk.open()
        for _ in range(MOST_MESSAGES + 1 if size == 1 else 1):
            await desk.say("x" * size)
        assert await desk.code() == CLOSE_TOO_MUCH

    run(scene)


def test_an_unknown_path_is_no_socket(db: None) -> None:
    async def scene() -> None:
        with pytest.raises(ValueError, match="route"):
            await Socket("/ws/unknown/", ORIGIN).open(timeout_s=0.3)

    run(scene)
