"""Dashboards: what happens is told over real sockets, once, in order, to whom it concerns."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import typing
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import uvicorn
import websockets
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connections
from django.test import Client

from accounts.models import Account
from accounts.services import create_token, revoke_tokens
from accounts.tests.factories import AccountFactory
from conversations import (
    consumers,
    dashboard,
    dashboard_consumer,
    delivery,
    services,
    watching,
)
from conversations.delivery import Outcome
from conversations.models import Conversation, Delivery, Message
from conversations.tests.acting import commit, say
from conversations.tests.factories import ConversationFactory
from core.asgi import application
from core.tests.network import eventually
from integrations.tests.factories import ChannelFactory, ChatwootChannelFactory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

pytestmark = pytest.mark.django_db(transaction=True)

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCHEMA = json.loads((DOCS / "reference/dashboard-events.schema.json").read_text())
ORIGIN = "http://localhost"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The web process, listening."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]
    config = uvicorn.Config(
        application, host="127.0.0.1", port=number, log_level="warning"
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    eventually(lambda: server.started, timeout_s=60)
    yield number
    server.should_exit = True
    thread.join(30)


@pytest.fixture(autouse=True)
def _no_connection_is_left() -> Iterator[None]:
    yield
    connections.close_all()


@pytest.fixture
def token(bob: Any, account: Account) -> str:
    return create_token(user=bob, account=account)


class Dashboard:
    """A client; everything that it hears is held against the schema."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.after: dict[str, int] = {}

    async def hello(self, **more: Any) -> dict[str, Any]:
        await self.inner.send(json.dumps({"type": "hello", **more}))
        welcome = await self.hear()
        assert welcome["type"] == "welcome"
        return welcome

    async def hear(self) -> dict[str, Any]:
        text = await asyncio.wait_for(self.inner.recv(), 20)
        event: dict[str, Any] = json.loads(text)
        checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
        jsonschema.Draft202012Validator(SCHEMA, format_checker=checker).validate(event)
        self.after = event.get("after", self.after)
        return event

    async def until(self, number: int) -> list[dict[str, Any]]:
        """The events up to the position that has this number."""
        found = []
        while True:
            event = await self.hear()
            if event["type"] != "position":
                found.append(event)
            elif number in event["after"].values():
                return found

    async def code(self) -> int:
        """With which the server closes."""
        try:
            while True:
                await self.hear()
        except websockets.ConnectionClosed as exc:
            assert exc.rcvd is not None  # noqa: PT017 (how it was closed)
            return exc.rcvd.code


@asynccontextmanager
async def opened(port: int, **more: Any) -> AsyncIterator[Dashboard]:
    address = f"ws://127.0.0.1:{port}/ws/dashboard/"
    async with websockets.connect(address, **more) as inner:
        yield Dashboard(inner)


def run(scene: Callable[[], Awaitable[None]]) -> None:
    async_to_sync(scene)()


def fail_delivery(row: Conversation) -> None:
    part = row.deliveries.filter(state__in=delivery.OPEN).latest("pk")
    Delivery.objects.filter(pk=part.pk).update(state="sending", worker=7, attempts=1)
    delivery.record([Outcome(part.pk, worker=7, state="failed", error="blocked")])


def live_through(channel: Any) -> Conversation:
    """A question, an answer, one that no provider gave, and a person's words."""
    say(channel, "my secret question", id_="1")
    row = Conversation.objects.get()
    commit(row, "our secret answer", confidence=0.9)
    say(channel, "another one", id_="2")
    row.refresh_from_db()
    commit(row, "Sorry.", outcome="handed_over", reason="provider_error")
    row.refresh_from_db()
    # They have left, so that a person who acts withholds nothing.
    Delivery.objects.update(state="sent")
    Message.objects.filter(author="assistant").update(state="sent")
    services.reply(conversation=row, user=None, text="I am a person.")
    return row


KINDS = [
    "message.received", "answer.sent", "message.received", "answer.failed",
    "message.sent", "conversation.status",
]  # fmt: skip


def test_what_happens_is_told_while_it_happens(
    port: int, account: Account, token: str
) -> None:
    channel = ChatwootChannelFactory(account=account)

    async def scene() -> None:
        async with opened(port) as client:
            welcome = await client.hello(token=token)
            assert welcome["after"] == {str(account.uuid): 0}
            row = await sync_to_async(live_through)(channel)
            number = await sync_to_async(seq_of)(account)
            events = await client.until(number)
            kinds = [each["type"] for each in events]
            told = [kind for kind in kinds if kind != "conversation.status"]
            assert [*told, kinds[-1]] == KINDS
            assert events[-1]["status"] == "support_active"
            assert {each["conversation"] for each in events} == {str(row.uuid)}
            numbers = [each["seq"] for each in events]
            assert numbers == sorted(numbers)
            answer = next(each for each in events if each["type"] == "answer.sent")
            assert answer["confidence"] == 0.9
            await sync_to_async(fail_delivery)(row)
            lost = (await client.until(await sync_to_async(seq_of)(account)))[0]
            assert (lost["type"], lost["author"]) == ("delivery.failed", "support")
            assert "secret" not in json.dumps([events, lost])

    run(scene)


def seq_of(account: Account) -> int:
    return int(Account.objects.get(pk=account.pk).event_seq)


def test_what_was_missed_comes_first(port: int, account: Account, token: str) -> None:
    channel = ChatwootChannelFactory(account=account)
    live_through(channel)
    number = seq_of(account)

    async def scene() -> None:
        async with opened(port) as client:
            await client.hello(token=token, after={str(account.uuid): 0})
            events = await client.until(number)
            assert [each["type"] for each in events] == KINDS
        async with opened(port) as client:
            await client.hello(token=token, after=client.after)
            await sync_to_async(say)(channel, "only this is new", id_="3")
            events = await client.until(number + 1)
            assert [each["type"] for each in events] == [
                "message.received", "conversation.status",
            ]  # fmt: skip

    run(scene)


def test_an_answer_that_a_person_forestalls_is_told_as_withheld(
    port: int, account: Account, token: str
) -> None:
    say(ChatwootChannelFactory(account=account), "How long?")
    row = Conversation.objects.get()
    commit(row)
    services.hand_off(conversation=row, reason="taken_over")
    number = seq_of(account)

    async def scene() -> None:
        async with opened(port) as client:
            await client.hello(token=token, after={str(account.uuid): 0})
            kinds = [each["type"] for each in await client.until(number)]
            assert kinds == [
                "message.received", "answer.withheld", "conversation.status",
            ]  # fmt: skip

    run(scene)


def test_a_number_from_the_future_is_taken_for_now(
    port: int, account: Account, token: str
) -> None:
    async def scene() -> None:
        async with opened(port) as client:
            after = {str(account.uuid): 10**12, "another": 3}
            welcome = await client.hello(token=token, after=after)
            assert welcome["after"] == {str(account.uuid): 0}

    run(scene)


def test_whoever_missed_too_much_is_told_so(
    port: int, channel: Any, account: Account, token: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr(dashboard, "MOST", 2)
    for number in range(3):
        say(channel, "Hello", thread=f"thread-{number}")

    async def scene() -> None:
        async with opened(port) as client:
            await client.hello(token=token, after={str(account.uuid): 0})
            (event,) = await client.until(3)
            assert event == {
                "v": 1, "type": "resync", "accounts": [str(account.uuid)],
            }  # fmt: skip

    run(scene)


def test_accounts_do_not_hear_each_other(
    port: int, channel: Any, account: Account, token: str
) -> None:
    foreign = ChannelFactory()
    say(foreign, "not for Bob")

    async def scene() -> None:
        async with opened(port) as client:
            after = {str(foreign.account.uuid): 0, str(account.uuid): 0}
            welcome = await client.hello(token=token, after=after)
            assert list(welcome["after"]) == [str(account.uuid)]
            await sync_to_async(say)(foreign, "nor this", id_="x")
            await sync_to_async(say)(channel, "for Bob")
            events = await client.until(1)
            assert {each["account"] for each in events} == {str(account.uuid)}

    run(scene)


# -- who is it ---------------------------------------------------------------------


def test_a_token_may_stand_beside_the_subprotocol(port: int, token: str) -> None:
    async def scene() -> None:
        offered = ["answerdesk.v1", f"bearer.{token}"]
        async with opened(port, subprotocols=offered) as client:
            assert client.inner.subprotocol == "answerdesk.v1"
            await client.hello()

    run(scene)


def test_a_token_may_stand_in_the_header(port: int, token: str) -> None:
    async def scene() -> None:
        header = {"Authorization": f"Bearer {token}"}
        async with opened(port, additional_headers=header) as client:
            await client.hello()

    run(scene)


def test_a_page_is_known_by_its_session(port: int, alice: Any, account: Any) -> None:
    client_ = Client()
    client_.force_login(alice)
    cookie = f"sessionid={client_.cookies['sessionid'].value}"

    async def scene() -> None:
        header = {"Cookie": cookie}
        async with opened(port, additional_headers=header, origin=ORIGIN) as client:
            welcome = await client.hello()
            assert list(welcome["after"]) == [str(account.uuid)]

    run(scene)


@pytest.mark.parametrize("said", ["", "wrong", "wrong" * 20])
def test_strangers_hear_nothing(port: int, db: None, said: str) -> None:
    async def scene() -> None:
        async with opened(port) as client:
            await client.inner.send(json.dumps({"type": "hello", "token": said}))
            assert await client.code() == 4401

    run(scene)


def test_a_token_in_the_address_opens_nothing(port: int, token: str) -> None:
    async def scene() -> None:
        address = f"ws://127.0.0.1:{port}/ws/dashboard/?token={token}"
        async with websockets.connect(address) as inner:
            await inner.send('{"type": "hello"}')
            assert await Dashboard(inner).code() == 4401

    run(scene)


def test_a_revoked_token_closes_an_open_dashboard(
    port: int, token: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr(watching, "CHECK_S", 0.1)

    async def scene() -> None:
        async with opened(port) as client:
            await client.hello(token=token)
            await sync_to_async(revoke)()
            assert await client.code() == 4409

    run(scene)


def revoke() -> None:
    from accounts.models import Token

    revoke_tokens(Token.objects.all())


def test_who_says_nothing_is_sent_away(port: int, db: None, monkeypatch: Any) -> None:
    monkeypatch.setattr(dashboard_consumer, "HELLO_S", 0.1)

    async def scene() -> None:
        async with opened(port) as client:
            assert await client.code() == 4401

    run(scene)


# -- what may be sent --------------------------------------------------------------


def test_a_ping_is_answered(port: int, token: str) -> None:
    async def scene() -> None:
        async with opened(port) as client:
            await client.hello(token=token)
            await client.inner.send('{"type": "ping"}')
            assert await client.hear() == {"v": 1, "type": "pong"}

    run(scene)


@pytest.mark.parametrize(
    "said",
    [
        "not json", "[]", "{}", '{"type": "hello", "after": []}',
        '{"type": "hello", "after": {"a": "1"}}', '{"type": "ping"}',
        '{"type": "hello", "after": {"a": -1}}', '{"type": "hello", "after": {"a": true}}',
    ],
)  # fmt: skip
def test_what_cannot_be_read_ends_it(port: int, db: None, said: str) -> None:
    async def scene() -> None:
        async with opened(port) as client:
            await client.inner.send(said)
            assert await client.code() == 4400

    run(scene)


def test_who_says_too_much_is_cut(port: int, token: str) -> None:
    async def scene() -> None:
        async with opened(port) as client:
            await client.inner.send(" " * 5000)
            assert await client.code() == 4429
        async with opened(port) as client:
            await client.hello(token=token)
            for _ in range(consumers.MOST_MESSAGES):
                await client.inner.send('{"type": "ping"}')
            assert await client.code() == 4429

    run(scene)


# -- the contract ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "event"),
    [("status", dashboard.StatusEvent), ("message", dashboard.MessageEvent)],
)
def test_the_schema_has_the_fields_and_values_that_events_have(
    name: str, event: Any
) -> None:
    shape = SCHEMA["$defs"][name]
    hints = typing.get_type_hints(event)

    assert shape["required"] == list(shape["properties"])
    assert set(shape["properties"]) == set(hints)
    kinds = shape["properties"]["type"]
    assert set(kinds.get("enum", [kinds.get("const")])) == set(
        typing.get_args(hints["type"])
    )
    if name == "status":
        assert shape["properties"]["status"]["enum"] == Conversation.Status.values
    else:
        assert shape["properties"]["author"]["enum"] == Message.Author.values
        assert shape["properties"]["state"]["enum"] == Message.State.values


def test_the_documented_example_runs(
    port: int, channel: Any, token: str, capsys: Any
) -> None:
    page = (DOCS / "howto/follow-what-happens.md").read_text("utf-8")
    code = page.split("```python\n")[1].split("```")[0]
    code = code.replace("localhost:8000", f"127.0.0.1:{port}")
    code = code.replace("your_token", token)
    program, end = code.split("asyncio.run(")
    names: dict[str, Any] = {}
    exec(compile(program, "example", "exec"), names)  # noqa: S102 (as documented)

    async def scene() -> None:
        task = asyncio.create_task(names["follow"]({}))
        said = ""
        for number in range(100):
            await sync_to_async(say)(channel, "Hello", thread=f"thread-{number}")
            await asyncio.sleep(0.2)
            said += capsys.readouterr().out
            if " is active" in said:
                break
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert " is active" in said

    run(scene)
    assert end.startswith("follow({})")


def test_the_cost_of_a_look_does_not_grow_with_accounts_that_are_quiet(
    channel: Any, account: Account, django_assert_num_queries: Any
) -> None:
    for _ in range(5):
        ConversationFactory(channel=ChannelFactory(account=AccountFactory()))
    say(channel, "Hello")
    called = dashboard.names(frozenset(Account.objects.values_list("pk", flat=True)))

    with django_assert_num_queries(3):
        news = dashboard.read(dict.fromkeys(called, 0), called)

    assert news.after[account.pk] == 1
