"""What is new is counted once, on its day, whoever commits late and whoever counts."""

from __future__ import annotations

import datetime as dt
import threading
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction

from ai_model import tasks
from ai_model.analytics import feeding, settling
from ai_model.models import Tally, TallyFeed, Turn
from ai_model.tests.activity import START, Clock
from ai_model.tests.factories import answered_turn
from conversations.models import Message
from conversations.tests.factories import ConversationFactory, MessageFactory
from core import store
from core.tests.network import eventually
from feedback.models import Feedback

if TYPE_CHECKING:
    from collections.abc import Callable

    from conversations.models import Conversation


@pytest.fixture
def clock(monkeypatch: Any) -> Clock:
    return Clock(monkeypatch)


def counted(name: str) -> int:
    return sum(row.amounts.get(name, 0) for row in Tally.objects.all())


def test_rows_are_counted_once(
    db: None, clock: Clock, conversation: Conversation
) -> None:
    MessageFactory(conversation=conversation)
    tasks.feed_analytics()
    tasks.feed_analytics()
    MessageFactory(conversation=conversation)
    tasks.feed_analytics()

    assert counted("messages:contact") == 2
    assert counted("conversations") == 1
    assert Tally.objects.get().day == START.date()


def test_many_rows_are_counted_in_batches(
    db: None, conversation: Conversation, monkeypatch: Any
) -> None:
    in_batches_of(3, conversation, monkeypatch)
    for _ in range(9):
        MessageFactory(conversation=conversation)

    # While others write, what is new is left to the next call.
    eventually(lambda: feeding.feed() >= 0 and counted("messages:contact") == 10)


def test_a_late_rating_belongs_to_the_day_of_the_reply(
    db: None, clock: Clock, conversation: Conversation
) -> None:
    turn = answered_turn(conversation, finished_at=clock.now)
    feeding.feed()
    clock.pass_by(days=40)
    rate(turn, "unhelpful")
    MessageFactory(conversation=conversation)
    feeding.feed()

    early, late = Tally.objects.order_by("day")
    assert (early.day, early.amounts["unhelpful"]) == (START.date(), 1)
    assert "unhelpful" not in late.amounts


def rate(turn: Turn, rating: str) -> None:
    assert turn.reply is not None
    Feedback.objects.create(
        account=turn.account,
        conversation=turn.conversation,
        message=turn.reply,
        rating=rating,
    )


def test_the_first_reply_of_a_conversation_is_timed_whoever_gave_it(
    db: None, clock: Clock, channel: Any
) -> None:
    for author in (Message.Author.ASSISTANT, Message.Author.SUPPORT):
        row = ConversationFactory(channel=channel)
        MessageFactory(conversation=row)
        clock.pass_by(seconds=30)
        MessageFactory(conversation=row)
        clock.pass_by(seconds=30)
        MessageFactory(conversation=row, author=author)
        clock.pass_by(seconds=30)
        MessageFactory(conversation=row, author=author)
    begun_by_us = ConversationFactory(channel=channel)
    MessageFactory(conversation=begun_by_us, author=Message.Author.SUPPORT)

    feeding.feed()

    assert counted("first:120000") == 2
    assert 120 <= counted("first:sum") / 1_000_000 < 121


# Whoever commits late ------------------------------------------------------------


class Other:
    """A second connection, in a thread, that stores a message and commits when told."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._stored, self._may_commit = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._stored.wait(60)

    def _run(self) -> None:
        try:
            with transaction.atomic():
                MessageFactory(conversation=self._conversation)
                self._stored.set()
                assert self._may_commit.wait(60)
        finally:
            connection.close()

    def commit(self) -> None:
        self._may_commit.set()
        self._thread.join(60)


needs_postgresql = pytest.mark.skipif(
    "not __import__('core.store').store.is_postgresql()",
    reason="SQLite has one writer, so ids appear in their order",
)


@needs_postgresql
@pytest.mark.usefixtures("transactional_db")
def test_a_message_that_is_committed_after_a_later_one_is_not_stepped_over(
    conversation: Conversation,
) -> None:
    other = Other(conversation)
    later = MessageFactory(
        conversation=ConversationFactory(channel=conversation.channel)
    )
    feeding.feed()
    between = counted("messages:contact")
    feeding.feed()
    still = counted("messages:contact")
    other.commit()
    earlier = Message.objects.order_by("pk")[0]

    feeding.feed()

    assert earlier.pk < later.pk
    assert (between, still) == (0, 0)
    assert counted("messages:contact") == 2


@needs_postgresql
@pytest.mark.usefixtures("transactional_db")
def test_what_was_there_before_is_counted_while_others_keep_writing(
    conversation: Conversation,
) -> None:
    first = Other(conversation)
    MessageFactory(conversation=conversation)
    feeding.feed()
    second = Other(ConversationFactory(channel=conversation.channel))
    first.commit()

    feeding.feed()
    during = counted("messages:contact")
    second.commit()
    feeding.feed()

    assert (during, counted("messages:contact")) == (2, 3)


@pytest.mark.usefixtures("transactional_db")
def test_two_that_count_at_once_count_once(
    conversation: Conversation, monkeypatch: Any
) -> None:
    in_batches_of(5, conversation, monkeypatch)
    for _ in range(39):
        MessageFactory(conversation=conversation)

    at_once(feeding.feed, feeding.feed, settling.settle, settling.settle)

    eventually(lambda: feeding.feed() >= 0 and counted("messages:contact") == 40)
    assert TallyFeed.objects.count() == 1


def in_batches_of(size: int, conversation: Conversation, monkeypatch: Any) -> None:
    """Count one message, and from there on so few at once.

    Ids go on where earlier tests of the run have left them: in such steps the way from
    the first one would be long.
    """
    MessageFactory(conversation=conversation)
    eventually(lambda: feeding.feed() >= 0 and counted("messages:contact") == 1)
    monkeypatch.setattr(feeding, "BATCH", size)


def at_once(*jobs: Callable[[], Any]) -> None:
    errors: list[BaseException] = []

    def run(job: Callable[[], Any]) -> None:
        try:
            job()
        except BaseException as exc:  # noqa: BLE001 (told below)
            errors.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[job]) for job in jobs]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert errors == []


def test_nothing_new_costs_little(
    db: None, conversation: Conversation, django_assert_max_num_queries: Any
) -> None:
    MessageFactory(conversation=conversation)
    feeding.feed()

    with django_assert_max_num_queries(20):
        feeding.feed()


def test_the_tables_of_postgresql_are_looked_at_by_name(db: None) -> None:
    if not store.is_postgresql():
        pytest.skip("asks PostgreSQL")
    from ai_model.analytics import horizon

    assert horizon._writers() == set()


# What only time tells --------------------------------------------------------------


def after(**span: float) -> dt.timedelta:
    return dt.timedelta(**span)


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ([], "assumed"),
        ([("helpful", 1)], "confirmed"),
        ([("unhelpful", 1)], "reopened"),
        ([("contact", 2), ("helpful", 3)], "confirmed"),
        ([("contact", 2), ("helpful", 24 * 8)], "confirmed"),
        ([("contact", 2), ("helpful", 3), ("support", 100)], "reopened"),
        ([("contact", 2)], None),
        ([("contact", 2), ("unhelpful", 3)], None),
        ([("support", 2)], None),
        ([("handed_over", 2)], None),
        ([("contact", 30)], "assumed"),
        ([("support", 30)], "reopened"),
        ([("handed_over", 100)], "reopened"),
        ([("handed_over", 24 * 7 + 1)], "assumed"),
        ([("helpful", 1), ("handed_over", 100)], "reopened"),
        ([("helpful", 24 * 30)], "confirmed"),
        ([("unhelpful", 24 * 30)], "reopened"),
    ],
)
def test_an_answer_is_judged_by_what_came_after(
    db: None,
    clock: Clock,
    conversation: Conversation,
    events: list[tuple[str, float]],
    outcome: str | None,
) -> None:
    turn = answered_turn(conversation, finished_at=clock.now)
    for what, hours in events:
        until = START + after(hours=hours)
        while clock.now < until:
            clock.pass_by(hours=min(20, (until - clock.now) / after(hours=1)))
            settling.settle()
        happens(turn, what, clock)
    clock.pass_by(days=2)
    settling.settle()

    day = {
        name: count
        for row in Tally.objects.filter(day=START.date())
        for name, count in row.amounts.items()
        if name in ("confirmed", "assumed", "reopened")
    }
    assert day == ({outcome: 1} if outcome else {})


def happens(turn: Turn, what: str, clock: Clock) -> None:
    if what in ("helpful", "unhelpful"):
        rate(turn, what)
    elif what == "handed_over":
        answered_turn(turn.conversation, reason="low_confidence", finished_at=clock.now)
    else:
        MessageFactory(conversation=turn.conversation, author=what)


def test_a_day_is_judged_from_one_in_the_morning_on(
    db: None, clock: Clock, conversation: Conversation
) -> None:
    answered_turn(conversation, finished_at=clock.now)
    clock.now = START.replace(day=3, hour=0, minute=59)
    settling.settle()
    before = counted("assumed")
    clock.now = START.replace(day=3, hour=1, minute=1)

    assert settling.settle()

    assert (before, counted("assumed")) == (0, 1)
    assert not settling.settle()


def test_a_resolution_took_from_the_first_words_to_the_answer(
    db: None, clock: Clock, conversation: Conversation
) -> None:
    answered_turn(conversation, finished_at=clock.pass_by(seconds=1))
    clock.pass_by(minutes=30)
    answered_turn(conversation, finished_at=clock.now + after(minutes=1))
    clock.pass_by(days=3)

    settling.settle()

    assert counted("assumed") == 1
    assert 31 * 60 <= counted("resolution:sum") / 1_000_000 < 32 * 60
