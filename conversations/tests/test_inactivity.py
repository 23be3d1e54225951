"""Conversations in which nobody writes are closed; what waits for somebody is not."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Retention
from conversations import tasks
from conversations.models import Conversation, Delivery, Message
from conversations.tests.acting import say
from conversations.tests.factories import ConversationFactory, MessageFactory
from escalation.models import Escalation
from escalation.tests.factories import escalated

pytestmark = pytest.mark.django_db

LONG_AGO = dt.timedelta(days=31)


def quiet(channel: Any, author: str = "assistant", **values: Any) -> Conversation:
    """A conversation in which somebody had the last word a month ago."""
    then = timezone.now() - LONG_AGO
    row = ConversationFactory(channel=channel, last_message_at=then, **values)
    MessageFactory(conversation=row, author=author, state="sent")
    return row


def reload(row: Conversation) -> Conversation:
    row.refresh_from_db()
    return row


def test_a_quiet_conversation_is_closed_with_the_reason(channel: Any) -> None:
    row, recent = quiet(channel), ConversationFactory(channel=channel)

    assert tasks.close_inactive() == {"closed": 1}
    assert tasks.close_inactive() == {"closed": 0}

    assert reload(row).status == "closed"
    assert (row.status_reason, row.epoch, row.seq) == ("inactive", 1, 1)
    assert reload(recent).status == "active"


def test_whoever_writes_again_goes_on_where_it_ended(channel: Any) -> None:
    say(channel, "Hello", id_="1")
    Conversation.objects.update(
        last_message_at=timezone.now() - LONG_AGO, due_at=None, waiting_since=None
    )
    Message.objects.update(state="answered")
    assert tasks.close_inactive() == {"closed": 1}

    say(channel, "I am back.", id_="2")

    row = Conversation.objects.get()
    assert (row.status, row.due_at is not None) == ("active", True)


def waiting_words(row: Conversation) -> None:
    MessageFactory(conversation=row, state="waiting")


def open_delivery(row: Conversation) -> None:
    Delivery.objects.create(
        account=row.account,
        conversation=row,
        message=row.messages.get(),
        text="x",
        due_at=timezone.now(),
    )


def a_wish_for_a_person(row: Conversation) -> None:
    Conversation.objects.filter(pk=row.pk).update(needs_person=True)


def a_turn(row: Conversation) -> None:
    Conversation.objects.filter(pk=row.pk).update(worker=7)


def words_for_people(row: Conversation) -> None:
    Conversation.objects.filter(pk=row.pk).update(status="support_active")
    MessageFactory(conversation=row, state="handed_over")


def an_escalation(row: Conversation) -> None:
    escalated(row.messages.get())
    Escalation.objects.update(state=Escalation.State.ACKNOWLEDGED)


@pytest.mark.parametrize(
    "happens",
    [
        waiting_words, open_delivery, a_wish_for_a_person, a_turn, words_for_people,
        an_escalation,
    ],
)  # fmt: skip
def test_what_waits_for_somebody_is_never_closed(channel: Any, happens: Any) -> None:
    row = quiet(channel)
    happens(row)

    tasks.close_inactive()

    assert reload(row).status in ("active", "support_active")


def test_an_offer_that_nobody_took_up_is_closed_with_it(channel: Any) -> None:
    row = quiet(channel)
    an_escalation(row)
    Escalation.objects.update(state=Escalation.State.OFFERED)

    tasks.close_inactive()

    assert reload(row).status == "closed"
    assert Escalation.objects.get().state == "closed"


@pytest.mark.parametrize(("days", "closed"), [(None, 0), (32, 0), (30, 1), (7, 1)])
def test_each_account_says_after_how_many_days(
    channel: Any, account: Any, days: int | None, closed: int
) -> None:
    quiet(channel)
    Retention.objects.create(account=account, inactive_days=days)

    assert tasks.close_inactive() == {"closed": closed}


def test_batches_reach_all(channel: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("conversations.inactivity.BATCH", 2)
    for _ in range(5):
        quiet(channel)

    assert tasks.close_inactive() == {"closed": 5}
