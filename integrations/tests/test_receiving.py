"""From stored events to what they say; a broken event loses nothing, and nobody else."""

from __future__ import annotations

import datetime as dt
import json
import threading
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from conversations.models import Conversation, Message
from core import store
from integrations import receiving, services
from integrations.models import Event
from integrations.signals import things_arrived
from integrations.tests.adapters.cases import payload

pytestmark = pytest.mark.django_db(transaction=True)


def web_event(channel: Any, number: int, **changes: Any) -> Event:
    message = {
        "session_id": changes.pop("session", "s" * 20),
        "message_id": f"m{number}",
        "text": f"Message {number}",
        **changes.pop("payload", {}),
    }
    return Event.objects.create(
        channel=channel,
        delivery_key=f"k{number}",
        body=json.dumps(message),
        received_at=timezone.now(),
        **changes,
    )


def chatwoot_event(channel: Any, name: str, **changes: Any) -> Event:
    body = {**payload("chatwoot", name), **changes}
    return Event.objects.create(
        channel=channel,
        delivery_key=f"{name}:{Event.objects.count()}",
        body=json.dumps(body),
        received_at=timezone.now(),
    )


def work_off_all() -> int:
    """Work off everything; returns the number of batches."""
    batches = 0
    while receiving.work_off():
        batches += 1
        assert batches < 1000
    return batches


def states() -> list[str]:
    return list(Event.objects.order_by("id").values_list("state", flat=True))


def test_an_event_becomes_a_message(channel: Any) -> None:
    web_event(channel, 1)

    assert receiving.work_off() == 1

    assert states() == ["done"]
    message = Message.objects.get()
    assert (message.text, message.external_id, message.state) == (
        "Message 1", "m1", "waiting",
    )  # fmt: skip
    assert message.conversation.external_id == "s" * 20


def test_with_nothing_waiting_nothing_happens(channel: Any) -> None:
    web_event(channel, 1, state=Event.State.DONE)

    assert receiving.work_off() == 0


def test_an_event_that_says_nothing_to_us_is_ignored(chatwoot: Any) -> None:
    chatwoot_event(chatwoot, "message_created_private")

    receiving.work_off()

    assert states() == ["ignored"]
    assert not Message.objects.exists()


def test_a_thread_keeps_its_order_through_all_kinds_of_events(chatwoot: Any) -> None:
    chatwoot_event(chatwoot, "message_created")
    chatwoot_event(chatwoot, "message_created_by_person")
    chatwoot_event(chatwoot, "message_created", id=90500, content="Thank you!")
    chatwoot_event(chatwoot, "conversation_status_changed_resolved")

    receiving.work_off()

    assert states() == ["done"] * 4
    conversation = Conversation.objects.get()
    # Whose it is now Chatwoot is asked: its news may be late.
    assert conversation.look_at is not None
    assert [
        (each.author, each.text, each.state)
        for each in conversation.messages.order_by("id")
    ] == [
        ("contact", "Where is my parcel?", "handed_over"),
        ("support", "I will look into it.", "sent"),
        ("contact", "Thank you!", "handed_over"),
    ]


def test_thousands_of_events_keep_each_threads_order(channel: Any) -> None:
    threads, each = 50, 60
    Event.objects.bulk_create(
        Event(
            channel=channel,
            delivery_key=f"{thread}:{number}",
            body=json.dumps(
                {
                    "session_id": f"session-of-thread-{thread:04}",
                    "message_id": str(number),
                    "text": f"{number}",
                }
            ),
            received_at=timezone.now(),
        )
        for number in range(each)
        for thread in range(threads)
    )

    work_off_all()

    assert set(states()) == {"done"}
    assert Conversation.objects.count() == threads
    for conversation in Conversation.objects.all():
        texts = conversation.messages.order_by("id").values_list("text", flat=True)
        assert list(texts) == [str(number) for number in range(each)]
        assert conversation.unread == each
        assert conversation.last_inbound_id == conversation.messages.latest("id").pk
    numbers = Message.objects.order_by("id").values_list("seq", flat=True)
    assert list(numbers) == list(range(1, threads * each + 1))


BROKEN: list[dict[str, Any]] = [
    {"session_id": None},
    {"text": {"a": 1}},
    {"message_id": 5},
    {"session_id": "s" * 20 + "\x00"},
    {"session_id": "s" * 20 + "\ud800"},
]


@pytest.mark.parametrize("changes", BROKEN, ids=[str(each)[:30] for each in BROKEN])
def test_a_broken_event_keeps_its_error_and_takes_nobody_with_it(
    channel: Any, changes: dict[str, Any]
) -> None:
    web_event(channel, 1)
    broken = web_event(channel, 2, payload=changes)
    web_event(channel, 3)

    receiving.work_off()

    broken.refresh_from_db()
    assert states() == ["done", "waiting", "done"]
    assert broken.attempts == 1
    assert broken.note
    assert broken.due_at is not None
    assert [each.text for each in Message.objects.order_by("id")] == [
        "Message 1", "Message 3",
    ]  # fmt: skip


def test_a_body_that_is_not_json_keeps_its_error(channel: Any) -> None:
    event = web_event(channel, 1)
    Event.objects.update(body="{")

    receiving.work_off()

    event.refresh_from_db()
    assert event.note.startswith("InvalidPayload")


def test_a_broken_event_is_tried_again_and_then_left_for_a_fix(channel: Any) -> None:
    event = web_event(channel, 1, payload={"session_id": None})

    for _ in range(len(receiving.RETRY_S) + 1):
        receiving.work_off()
        Event.objects.update(due_at=timezone.now() - dt.timedelta(seconds=1))

    event.refresh_from_db()
    assert event.state == Event.State.FAILED
    assert receiving.work_off() == 0


def test_after_the_fix_it_is_read_again(channel: Any) -> None:
    event = web_event(channel, 1, state=Event.State.FAILED, note="bug", attempts=5)

    assert services.read_again([event]) == 1
    receiving.work_off()

    event.refresh_from_db()
    assert (event.state, event.note) == ("done", "")
    assert Message.objects.count() == 1


def test_an_event_waits_until_it_is_due(channel: Any) -> None:
    web_event(channel, 1, due_at=timezone.now() + dt.timedelta(minutes=1))

    assert receiving.work_off() == 0


def test_a_failing_receiver_leaves_its_events_waiting(
    channel: Any, monkeypatch: Any
) -> None:
    web_event(channel, 1)

    def broken(**_: Any) -> None:
        raise RuntimeError("a bug above \ud800 \x00")

    things_arrived.connect(broken)
    try:
        receiving.work_off()
    finally:
        things_arrived.disconnect(broken)

    event = Event.objects.get()
    assert event.state == "waiting"
    assert "a bug above" in event.note
    assert not Message.objects.exists()


def test_a_database_that_is_away_is_not_the_events_fault(channel: Any) -> None:
    web_event(channel, 1)

    def away(**_: Any) -> None:
        raise OperationalError("deadlock detected")

    things_arrived.connect(away)
    try:
        with pytest.raises(OperationalError):
            receiving.work_off()
    finally:
        things_arrived.disconnect(away)

    assert Event.objects.get().attempts == 0


def test_two_workers_share_the_events(channel: Any) -> None:
    """On PostgreSQL; SQLite has one worker."""
    if not store.is_postgresql():
        pytest.skip("one process, one worker")
    for number in range(600):
        web_event(channel, number, session=f"session-{number:013}")

    def work() -> None:
        try:
            while receiving.work_off():
                pass
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()

    assert set(states()) == {"done"}
    assert Message.objects.count() == 600
    assert Conversation.objects.count() == 600


def test_the_worker_reads_what_the_inbox_has_stored(engine: Any, channel: Any) -> None:
    from core.tests.network import eventually

    web_event(channel, 1)
    engine.wake("receive")

    eventually(lambda: Event.objects.get().state == "done")
