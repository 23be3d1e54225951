"""Ask and wait: the reply to this question, and to no other."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import DatabaseError, OperationalError

from conversations import asking, services
from conversations.models import Conversation, Message
from conversations.tests.acting import answer, claim, commit, commit_all, inbound, say
from integrations.models import Channel
from integrations.tests.factories import ChannelFactory

pytestmark = pytest.mark.django_db(transaction=True)


def ask_while(channel: Any, text: str, *meanwhile: Any) -> asking.Asked:
    """Ask, and do things while the caller waits."""

    async def run() -> asking.Asked:
        waiting = asyncio.create_task(
            asking.ask(channel, inbound(text, is_synchronous=True))
        )
        await asyncio.sleep(0.2)
        for each in meanwhile:
            await sync_to_async(each)()
            await asyncio.sleep(0.05)
        return await waiting

    return async_to_sync(run)()


def only() -> Conversation:
    return Conversation.objects.get()


def test_the_reply_is_handed_to_who_asked(channel: Any) -> None:
    asked = ask_while(channel, "How long?", lambda: commit(only()))

    assert asked.text == "Three days."
    assert not asked.needs_person
    assert asked.question.text == "How long?"


def test_a_reply_to_earlier_words_is_not_taken_for_ours(channel: Any) -> None:
    """It was being written when our question came, and is committed first."""
    say(channel, "And the price?")
    running = answer(claim(only()), "Ten euros.", may_join=False)

    asked = ask_while(
        channel,
        "How long?",
        lambda: commit_all([running]),
        lambda: commit(only(), "Three days."),
    )

    assert asked.text == "Three days."


def test_a_reply_to_a_later_question_is_not_taken_for_ours(channel: Any) -> None:
    received = say(channel, "How long?")
    commit(only(), "Three days.")
    say(channel, "And the price?")
    commit(only(), "Ten euros.")

    assert asking._state(received.message_id).text == "Three days."


def test_one_reply_to_two_questions_goes_to_both(channel: Any) -> None:
    first = say(channel, "How long?")
    second = say(channel, "And the price?")
    commit(only(), "Three days, ten euros.")

    texts = [asking._state(each.message_id).text for each in (first, second)]
    assert texts == ["Three days, ten euros."] * 2


def test_when_people_take_over_the_caller_is_told(channel: Any) -> None:
    asked = ask_while(
        channel,
        "How long?",
        lambda: services.hand_off(conversation=only(), reason="taken_over"),
    )

    assert asked.reply is None
    assert asked.needs_person
    assert "colleague has your message" in asked.text


def test_when_nobody_answers_in_time_there_is_an_honest_line(
    channel: Any, settings: Any, monkeypatch: Any
) -> None:
    settings.REPLY_BUDGET_S = 0.1
    monkeypatch.setattr(asking, "GRACE_S", 0.1)

    asked = ask_while(channel, "How long?")

    assert asked.needs_person
    assert "can't answer right now" in asked.text
    assert Message.objects.get().state == "waiting"


def test_a_database_that_is_away_for_a_moment_takes_no_reply_away(
    channel: Any, monkeypatch: Any, caplog: Any
) -> None:
    look, calls = asking._asked, itertools.count()

    def broken(*args: Any) -> Any:
        if not next(calls):
            raise OperationalError("the server closed the connection")
        return look(*args)

    monkeypatch.setattr(asking, "_asked", broken)

    asked = ask_while(channel, "How long?", lambda: commit(only()))

    assert asked.text == "Three days."
    assert "could not be looked for" in caplog.text


def test_a_caller_that_goes_away_loses_only_the_wait(channel: Any) -> None:
    async def run() -> None:
        waiting = asyncio.create_task(asking.ask(channel, inbound("How long?")))
        await asyncio.sleep(0.2)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    async_to_sync(run)()

    assert commit(only()).message_id is not None


def ask_at_once(*questions: tuple[Any, Any]) -> list[Any]:
    """What each of these channels and messages comes to, all asked at one moment."""

    async def run() -> list[Any]:
        asked = (asking.ask(channel, message) for channel, message in questions)
        return await asyncio.gather(*asked, return_exceptions=True)

    return async_to_sync(run)()


def test_those_who_ask_at_one_moment_share_their_statements(
    channel: Any, settings: Any, monkeypatch: Any, django_assert_max_num_queries: Any
) -> None:
    settings.REPLY_BUDGET_S = 0.0
    monkeypatch.setattr(asking, "GRACE_S", 0.0)
    threads = [f"thread-{number}" for number in range(30)]
    monkeypatch.setattr(asking, "_state", lambda key: key)  # each gives up by itself

    # Those who come while the first are being stored make up a second transaction.
    with django_assert_max_num_queries(2 * 20):
        found = ask_at_once(*((channel, inbound("Hello!", each)) for each in threads))

    rows = Message.objects.order_by("id").values_list("id", "conversation__external_id")
    assert [(key, each) for key, each in zip(found, threads, strict=True)] == list(rows)


def test_words_that_cannot_be_stored_harm_no_others(channel: Any) -> None:
    gone = ChannelFactory()
    Channel.objects.filter(pk=gone.pk).delete()
    channel.human_mode = True
    channel.save()

    good, bad, other = ask_at_once(
        (channel, inbound("Hello!", "thread-1")),
        (gone, inbound("Hello!", "thread-2")),
        (channel, inbound("Hello!", "thread-3")),
    )

    assert good.question.text == other.question.text == "Hello!"
    assert good.conversation != other.conversation
    assert isinstance(bad, (DatabaseError, LookupError))
