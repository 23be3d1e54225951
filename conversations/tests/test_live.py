"""Live events: that something changed, to whom it matters, never what was said."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import transaction

from accounts.tests.factories import AccountFactory
from conversations import live, services
from conversations.models import Conversation
from conversations.tests.acting import commit, say
from core import hub

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def published(settings: Any, monkeypatch: Any) -> list[tuple[str, dict[str, Any]]]:
    """What goes to whom, in order."""
    settings.REDIS_URL = ""
    found: list[tuple[str, dict[str, Any]]] = []

    def keep(group: str, text: str) -> None:
        found.append((group, orjson.loads(text)))

    monkeypatch.setattr(hub.hub, "deliver", keep)
    return found


def test_numbers_grow_by_one_within_their_account(account: Any) -> None:
    other = AccountFactory()

    assert [live.next_seq(account.pk), live.next_seq(account.pk, 3)] == [1, 4]
    assert live.next_seq(other.pk) == 1


def test_every_change_is_told_to_the_account_and_to_the_contacts_page(
    channel: Any, published: Any
) -> None:
    say(channel, "my secret words", id_="1")
    row = Conversation.objects.get()
    commit(row, "our secret answer")
    services.hand_off(conversation=row, reason="taken_over")

    groups = [group for group, _ in published]
    own = live.conversation_group(channel.pk, "thread-1")
    assert groups == [live.account_group(channel.account_id), own] * 3
    events = [event for _, event in published[::2]]
    assert [each["seq"] for each in events] == [1, 2, 3]
    assert [each["epoch"] for each in events] == [0, 0, 1]
    assert events[-1] == {
        "v": 1,
        "type": "conversation.changed",
        "conversation": str(row.uuid),
        "seq": 3,
        "epoch": 1,
        "status": "support_active",
    }
    assert b"secret" not in orjson.dumps(published)


def test_what_is_rolled_back_is_not_told(channel: Any, published: Any) -> None:
    with transaction.atomic():
        say(channel, "Hello")
        transaction.set_rollback(True)

    assert published == []


def test_groups_never_mix_and_do_not_name_the_session() -> None:
    group = live.conversation_group
    names = [group(1, "a"), group(2, "a"), group(1, "b"), group(11, "a")]

    assert len(set(names)) == 4
    assert "session-of-bat" not in group(1, "session-of-bat")


def test_waiting_ends_with_the_event_that_brings_it(channel: Any) -> None:
    say(channel, "How long?", id_="1")
    row = Conversation.objects.get()
    group = live.conversation_group(channel.pk, "thread-1")
    looks: list[int] = []

    async def look() -> str | None:
        looks.append(1)
        found = await sync_to_async(
            lambda: row.messages.filter(author="assistant").first()
        )()
        return found and found.text

    async def run() -> str | None:
        waiting = asyncio.create_task(live.wait_until(group, look, timeout_s=10))
        await asyncio.sleep(0.2)
        await sync_to_async(commit)(row)
        return await waiting

    assert async_to_sync(run)() == "Three days."
    assert group not in hub.hub.groups()


def test_waiting_ends_with_its_time_too() -> None:
    async def look() -> None:
        return None

    async def run() -> None:
        return await live.wait_until("g", look, timeout_s=0.05, poll_s=0.01)

    assert async_to_sync(run)() is None
    assert "g" not in hub.hub.groups()


def test_a_missed_event_costs_a_moment_and_not_the_answer() -> None:
    answers = [None, None, "there"]

    async def look() -> str | None:
        return answers.pop(0)

    async def run() -> str | None:
        return await live.wait_until("g", look, timeout_s=5, poll_s=0.01)

    assert async_to_sync(run)() == "there"
