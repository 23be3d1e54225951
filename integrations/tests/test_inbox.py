"""The inbox, through the real ASGI application: verify, store, 200."""

from __future__ import annotations

import asyncio
import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from core import store
from core.tests.asgi import acall, call
from integrations import facts, inbox
from integrations.models import Event
from integrations.tests.adapters.cases import deletion, payload, signed_headers
from integrations.tests.factories import (
    CHATWOOT_SECRET,
    META,
    TELEGRAM,
    ChannelFactory,
    ChatwootChannelFactory,
    TelegramChannelFactory,
)

pytestmark = pytest.mark.django_db(transaction=True)

SESSION = "f3a1c2d4-0000-4000-8000-1234567890ab"


def web_body(number: int = 1, **changes: Any) -> bytes:
    message = {"session_id": SESSION, "message_id": f"m{number}", "text": "Hello"}
    return json.dumps({**message, **changes}).encode()


def web_headers(channel: Any) -> dict[str, str]:
    return {"x-channel-key": channel.key, "content-type": "application/json"}


def chatwoot_event(**changes: Any) -> bytes:
    return json.dumps({**payload("chatwoot", "message_created"), **changes}).encode()


def assert_refused(answer: Any, status: int, code: str) -> None:
    assert (answer.status, answer.json["code"]) == (status, code)
    assert set(answer.json) == {"detail", "error", "code"}
    assert answer.headers["content-type"] == "application/json"
    assert b"Traceback" not in answer.body
    assert not Event.objects.exists()


def test_a_signed_event_is_stored_as_it_came(chatwoot: Any) -> None:
    body = chatwoot_event()

    answer = call(
        chatwoot.webhook_path, body, headers=signed_headers(body, CHATWOOT_SECRET)
    )

    event = Event.objects.get()
    assert (answer.status, answer.json) == (200, {"status": "ok"})
    assert event.body == body.decode()
    assert event.delivery_key == "message_created:90412"
    assert event.channel == chatwoot
    assert (event.state, event.attempts, event.note) == ("waiting", 0, "")
    assert event.received_at is not None


def test_the_chat_page_writes_with_the_channels_key(channel: Any) -> None:
    by_header = call(channel.webhook_path, web_body(1), headers=web_headers(channel))
    by_query = call(channel.webhook_path, web_body(2), query=f"key={channel.key}")

    assert (by_header.status, by_query.status) == (200, 200)
    assert Event.objects.count() == 2


def test_a_provider_that_tries_the_address_gets_its_challenge_as_plain_text() -> None:
    made = ChannelFactory(provider="instagram", credentials=META["instagram"])
    asked = "hub.mode=subscribe&hub.challenge=%3Cb%3E7&hub.verify_token="

    good = call(made.webhook_path, method="GET", query=f"{asked}verify-me")
    bad = call(made.webhook_path, method="GET", query=f"{asked}x")

    assert (good.status, good.body) == (200, b"<b>7")
    assert good.headers["content-type"].startswith("text/plain")
    assert bad.status == 401


def test_a_person_who_wants_to_be_forgotten_gets_a_receipt() -> None:
    made = ChannelFactory(provider="messenger", credentials=META["messenger"])

    answer = call(made.webhook_path, deletion())

    assert answer.status == 200
    assert len(answer.json["confirmation_code"]) == 16
    assert Event.objects.get().delivery_key == "deletion:9001:1795200000"


def test_telegram_gets_an_empty_answer() -> None:
    made = TelegramChannelFactory()
    headers = {"x-telegram-bot-api-secret-token": TELEGRAM["webhook_secret"]}
    body = json.dumps(payload("telegram", "message")).encode()

    answer = call(made.webhook_path, body, headers=headers)

    assert (answer.status, answer.body) == (200, b"")
    assert Event.objects.get().delivery_key == "700001"


def test_an_event_that_is_nothing_to_us_is_acknowledged_and_not_kept(
    chatwoot: Any,
) -> None:
    body = json.dumps(payload("chatwoot", "conversation_typing_on")).encode()

    answer = call(
        chatwoot.webhook_path, body, headers=signed_headers(body, CHATWOOT_SECRET)
    )

    assert answer.status == 200
    assert not Event.objects.exists()


def test_a_redelivery_is_stored_once(channel: Any) -> None:
    for _ in range(3):
        answer = call(channel.webhook_path, web_body(), headers=web_headers(channel))
        assert answer.status == 200

    assert Event.objects.count() == 1


def test_a_wrong_signature_is_refused(chatwoot: Any) -> None:
    body = chatwoot_event()

    answer = call(chatwoot.webhook_path, body, headers=signed_headers(body, "wrong"))

    assert_refused(answer, 401, "invalid_signature")


def test_an_unsigned_event_is_refused(chatwoot: Any) -> None:
    assert_refused(
        call(chatwoot.webhook_path, chatwoot_event()), 401, "invalid_signature"
    )


def test_another_channels_signature_is_refused(chatwoot: Any) -> None:
    other = ChatwootChannelFactory(
        credentials={**chatwoot.credentials, "webhook_secret": "its-own"}
    )
    body = chatwoot_event()

    answer = call(
        other.webhook_path, body, headers=signed_headers(body, CHATWOOT_SECRET)
    )

    assert_refused(answer, 401, "invalid_signature")


@pytest.mark.parametrize(
    "path",
    [
        f"/webhooks/chatwoot/{uuid.uuid4()}",
        "/webhooks/chatwoot/not-a-uuid",
        f"/webhooks/chatwoot/{'f' * 36}",
        "/webhooks/chatwoot/",
        "/webhooks/",
        f"/webhooks/nobody/{uuid.uuid4()}",
        f"/webhooks/chatwoot/{uuid.uuid4()}/more",
    ],
    ids=["unknown", "no uuid", "long", "no name", "nothing", "no provider", "deeper"],
)
def test_an_unknown_channel_is_not_found(path: str) -> None:
    assert_refused(call(path, chatwoot_event()), 404, "not_found")


def test_a_channel_answers_under_its_own_provider_only(channel: Any) -> None:
    path = f"/webhooks/chatwoot/{channel.uuid}"

    answer = call(path, web_body(), headers=web_headers(channel))

    assert_refused(answer, 404, "not_found")


def test_a_channel_that_is_switched_off_is_not_found() -> None:
    off = ChannelFactory(is_active=False)

    answer = call(off.webhook_path, web_body(), headers=web_headers(off))

    assert_refused(answer, 404, "not_found")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS"])
def test_only_post_is_taken(channel: Any, method: str) -> None:
    answer = call(
        channel.webhook_path, web_body(), method=method, headers=web_headers(channel)
    )

    assert_refused(answer, 405, "method_not_allowed")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "invalid_payload"),
        (b"", "invalid_payload"),
        (b"\xff\xff", "invalid_payload"),
        (b"[]", "invalid_payload"),
        (b"{}", "invalid_payload"),
        (web_body(session_id="x"), "invalid_payload"),
        (web_body(session_id="x" * 20 + "\ud800"), "invalid_payload"),
        (web_body(text="a\x00b"), "invalid_payload"),
        (b"[" * 100_000, "invalid_payload"),
    ],
    ids=[
        "cut off", "empty", "not UTF-8", "a list", "nothing in it", "short session",
        "surrogate", "NUL", "too deep",
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_read_is_refused(
    channel: Any, body: bytes, code: str
) -> None:
    answer = call(channel.webhook_path, body, headers=web_headers(channel))

    assert_refused(answer, 400, code)


def test_a_body_over_one_mebibyte_is_refused(channel: Any) -> None:
    pieces = [b" " * 400_000, b" " * 400_000, b" " * 400_000]

    answer = call(channel.webhook_path, pieces, headers=web_headers(channel))

    assert_refused(answer, 413, "too_large")


def test_a_body_may_come_in_pieces(channel: Any) -> None:
    body = web_body()

    answer = call(
        channel.webhook_path, [body[:9], b"", body[9:]], headers=web_headers(channel)
    )

    assert answer.status == 200
    assert Event.objects.get().body == body.decode()


@pytest.mark.parametrize("stamp", ["9" * 400, "9" * 5000, "٣", "", "1e5"])
def test_a_timestamp_that_is_none_is_refused(chatwoot: Any, stamp: str) -> None:
    body = chatwoot_event()
    headers = signed_headers(body, CHATWOOT_SECRET)
    given = stamp.encode().decode("latin-1")

    answer = call(
        chatwoot.webhook_path, body, headers={**headers, "x-chatwoot-timestamp": given}
    )

    assert_refused(answer, 401, "invalid_signature")


def post_many(requests: list[tuple[str, bytes, dict[str, str]]]) -> list[int]:
    """Send all at once."""

    async def run() -> list[int]:
        answers = await asyncio.gather(
            *(acall(path, body, headers=headers) for path, body, headers in requests)
        )
        return [each.status for each in answers]

    return async_to_sync(run)()


def test_many_requests_at_once_share_transactions_and_none_is_lost(
    channel: Any, chatwoot: Any
) -> None:
    """Every event once, also those that came twice."""
    requests = [
        (channel.webhook_path, web_body(number), web_headers(channel))
        for number in [*range(150), *range(50)]
    ]
    for number in range(50):
        body = chatwoot_event(id=number + 1)
        headers = signed_headers(body, CHATWOOT_SECRET)
        requests.append((chatwoot.webhook_path, body, headers))

    statuses = post_many(requests)

    assert set(statuses) == {200}
    assert Event.objects.filter(channel=channel).count() == 150
    assert Event.objects.filter(channel=chatwoot).count() == 50


def test_requests_that_wait_together_take_few_statements(
    channel: Any, monkeypatch: Any
) -> None:
    sizes: list[int] = []
    insert = inbox.insert_events

    def counted(rows: Any) -> None:
        sizes.append(len(rows))
        insert(rows)

    monkeypatch.setattr(inbox, "insert_events", counted)

    post_many(
        [
            (channel.webhook_path, web_body(number), web_headers(channel))
            for number in range(200)
        ]
    )

    assert sum(sizes) == 200
    assert len(sizes) < 50


def test_known_channels_cost_no_query(channel: Any) -> None:
    call(channel.webhook_path, web_body(1), headers=web_headers(channel))

    is_known, adapter = facts.cache.peek(str(channel.uuid))

    assert is_known
    assert adapter is not None


def test_when_the_database_is_away_the_provider_is_told_to_send_again(
    channel: Any, monkeypatch: Any
) -> None:
    def away(rows: Any) -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(inbox, "insert_events", away)

    answer = call(channel.webhook_path, web_body(), headers=web_headers(channel))

    assert_refused(answer, 500, "not_stored")


def leave_idle_connections(count: int) -> None:
    """Have so many in the pool, as after many requests at once."""
    together = threading.Barrier(count)

    def use() -> None:
        connection.ensure_connection()
        together.wait(10)
        connection.close()

    with ThreadPoolExecutor(count) as threads:
        for job in [threads.submit(use) for _ in range(count)]:
            job.result()


def test_after_a_lost_connection_the_next_event_is_stored(channel: Any) -> None:
    if not store.is_postgresql():
        pytest.skip("a file's connection cannot be lost")
    call(channel.webhook_path, web_body(1), headers=web_headers(channel))
    leave_idle_connections(6)
    store.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    statuses = [
        call(channel.webhook_path, web_body(n), headers=web_headers(channel)).status
        for n in (2, 3)
    ]

    assert statuses[-1] == 200


def test_one_event_that_cannot_be_stored_harms_no_other(
    channel: Any, chatwoot: Any
) -> None:
    """Such as one of a channel that was deleted while its key was remembered."""
    gone = ChannelFactory()
    call(gone.webhook_path, web_body(0), headers=web_headers(gone))
    Event.objects.all().delete()
    path, headers = gone.webhook_path, web_headers(gone)
    gone.delete()
    requests = [
        (channel.webhook_path, web_body(number), web_headers(channel))
        for number in range(20)
    ]
    requests.insert(10, (path, web_body(99), headers))

    statuses = post_many(requests)

    assert statuses.count(200) == 20
    assert statuses[10] == 500
    assert Event.objects.count() == 20
    again = call(channel.webhook_path, web_body(50), headers=web_headers(channel))
    assert again.status == 200


def test_our_own_mistakes_are_told_without_their_innards(
    channel: Any, monkeypatch: Any
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("secret innards")

    monkeypatch.setattr(inbox, "parse_qsl", broken)

    answer = call(channel.webhook_path, web_body(), headers=web_headers(channel))

    assert_refused(answer, 500, "error")
    assert b"innards" not in answer.body


def test_other_paths_go_on_to_the_rest_of_the_house() -> None:
    assert call("/api/health", method="GET").json["services"]


def test_storing_an_event_is_one_statement(channel: Any) -> None:
    import datetime as dt

    row = (channel.pk, "k", "{}", dt.datetime.now(dt.UTC))

    with CaptureQueriesContext(connection) as queries:
        inbox.insert_events([row, (channel.pk, "k2", "{}", row[3])])

    inserts = [each for each in queries if "INSERT" in each["sql"]]
    assert len(inserts) == 1
    assert Event.objects.count() == 2
