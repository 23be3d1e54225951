"""The assistant's replies: each is committed only if it may still speak."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from conversations import services
from conversations.models import Conversation, Delivery, Message
from conversations.replies import Verdict
from conversations.tests.acting import answer, claim, commit, commit_all, say

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 25


def only() -> Conversation:
    return Conversation.objects.get()


@pytest.fixture
def asked(chatwoot: Any) -> Conversation:
    say(chatwoot, "How long?", id_="1")
    return claim(only())


def test_a_reply_is_stored_with_all_that_explains_it(asked: Conversation) -> None:
    since = timezone.now() - dt.timedelta(seconds=2)
    Conversation.objects.update(waiting_since=since)
    source = {
        "title": "Delivery",
        "confidence": 0.9,
        "entry_type": "faq",
        "entry_id": "1",
    }

    (result,) = commit_all([answer(asked, confidence=0.9, sources=[source], lang="mn")])

    message = Message.objects.get(author="assistant")
    row = only()
    assert result.verdict is Verdict.COMMITTED
    assert result.message_id == message.pk
    assert (message.text, message.state, message.confidence) == (
        "Three days.",
        "sending",
        0.9,
    )
    assert message.sources == [source]
    assert message.latency_ms is not None
    assert 2000 <= message.latency_ms < 20_000
    assert message.answers_up_to == Message.objects.get(author="contact").pk
    assert message.seq == row.seq == 2
    assert (row.worker, row.due_at, row.waiting_since, row.attempts) == (None,) * 3 + (
        0,
    )
    assert (row.lang, row.last_text) == ("mn", "Three days.")
    assert Message.objects.get(author="contact").state == "answered"
    delivery = Delivery.objects.get()
    assert (delivery.text, delivery.epoch, delivery.state) == (
        "Three days.",
        0,
        "waiting",
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [("I am an AI.\n\nThree days.", "Three days."), ("I am an AI.", "I am an AI.")],
)
def test_lists_show_what_comes_after_the_greeting(
    asked: Conversation, text: str, shown: str
) -> None:
    commit_all([answer(asked, text=text, preamble="I am an AI.")])

    assert only().last_text == shown
    assert Message.objects.get(author="assistant").text == text


def test_a_long_reply_is_cut_into_parts_that_lose_nothing(
    asked: Conversation, monkeypatch: Any
) -> None:
    monkeypatch.setattr("integrations.adapters.chatwoot.ChatwootAdapter.max_length", 9)

    commit_all([answer(asked, "one two three four five")])

    parts = Delivery.objects.order_by("id").values_list("part", "text")
    assert list(parts) == [(0, "one two"), (1, "three"), (2, "four five")]


def test_on_our_own_page_a_reply_is_there_at_once(channel: Any) -> None:
    say(channel, "How long?")

    commit(only())

    assert Message.objects.get(author="assistant").state == "sent"
    assert not Delivery.objects.exists()


def test_saying_nothing_still_settles_what_was_read(asked: Conversation) -> None:
    (result,) = commit_all(
        [
            answer(
                asked,
                "",
                outcome=Message.State.HANDED_OVER,
                reason="off",
                hands_off=True,
            )
        ]
    )

    assert result.message_id is None
    assert Message.objects.get().state == "handed_over"
    assert only().status == "support_active"
    assert Delivery.objects.get().kind == "hand_off"


def test_an_offer_is_remembered_and_calls_for_a_person(asked: Conversation) -> None:
    commit_all([answer(asked, offers_person=True, outcome=Message.State.HANDED_OVER)])

    assert (only().status, only().has_offer, only().needs_person) == (
        "active",
        True,
        True,
    )


def test_a_hand_off_tells_the_contact_first_and_then_the_provider(
    asked: Conversation,
) -> None:
    commit_all(
        [answer(asked, "A colleague will answer.", hands_off=True, note="why",
                outcome=Message.State.HANDED_OVER, reason="asked_for_person")]
    )  # fmt: skip

    row = only()
    assert (row.status, row.status_reason, row.epoch) == (
        "support_active", "asked_for_person", 1,
    )  # fmt: skip
    found = Delivery.objects.order_by("id").values_list("kind", "text", "epoch")
    assert list(found) == [
        ("text", "A colleague will answer.", 1), ("hand_off", "why", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "act",
    [
        lambda row: services.hand_off(conversation=row, reason="x"),
        lambda row: services.close(conversation=row, reason="x"),
        lambda row: (
            services.hand_off(conversation=row, reason="x"),
            services.hand_back(conversation=row, reason="x"),
        ),
    ],
    ids=["taken over", "closed", "taken over and given back"],
)
def test_after_a_person_acted_nothing_is_said(asked: Conversation, act: Any) -> None:
    reply = answer(asked)
    act(asked)

    (result,) = commit_all([reply])

    assert result.verdict is Verdict.PERSON_ACTED
    assert not Message.objects.filter(author="assistant").exists()
    assert only().worker is None


def test_words_that_came_meanwhile_are_read_too(
    asked: Conversation, chatwoot: Any
) -> None:
    reply = answer(asked)
    say(chatwoot, "To Sweden?", id_="2")

    (result,) = commit_all([reply])

    assert result.verdict is Verdict.MORE_WORDS
    assert only().worker == asked.worker
    assert not Message.objects.filter(author="assistant").exists()


def test_words_that_may_not_join_wait_for_the_next_turn(
    asked: Conversation, chatwoot: Any
) -> None:
    reply = answer(asked, may_join=False)
    say(chatwoot, "To Sweden?", id_="2")

    (result,) = commit_all([reply])

    states = Message.objects.filter(author="contact").order_by("id")
    assert result.verdict is Verdict.COMMITTED
    assert [each.state for each in states] == ["answered", "waiting"]
    assert only().due_at is not None
    assert only().waiting_since is not None


def test_who_lost_the_claim_says_nothing(asked: Conversation) -> None:
    reply = answer(asked)
    claim(asked, worker=99)

    (result,) = commit_all([reply])

    assert result.verdict is Verdict.LOST_CLAIM
    assert only().worker == 99
    assert not Message.objects.filter(author="assistant").exists()


def test_a_conversation_that_was_deleted_is_a_lost_claim(asked: Conversation) -> None:
    reply = answer(asked)
    asked.delete()

    assert commit_all([reply])[0].verdict is Verdict.LOST_CLAIM


def test_the_same_reply_is_never_committed_twice(asked: Conversation) -> None:
    reply = answer(asked)

    first, again = commit_all([reply])[0], commit_all([reply])[0]

    assert (first.verdict, again.verdict) == (Verdict.COMMITTED, Verdict.LOST_CLAIM)
    assert Message.objects.filter(author="assistant").count() == 1


def test_many_replies_are_committed_in_few_statements_each_with_its_verdict(
    chatwoot: Any, channel: Any, django_assert_max_num_queries: Any
) -> None:
    wanted = []
    for number in range(40):
        say(chatwoot if number % 2 else channel, "How long?", thread=f"t{number}")
        row = claim(Conversation.objects.latest("id"))
        wanted.append(answer(row, f"Answer {number}"))
    Conversation.objects.filter(external_id="t7").update(epoch=5)

    with django_assert_max_num_queries(20):
        results = commit_all(wanted)

    verdicts = [each.verdict for each in results]
    assert verdicts.count(Verdict.COMMITTED) == 39
    assert verdicts[7] is Verdict.PERSON_ACTED
    for reply, result in zip(wanted, results, strict=True):
        if result.message_id is not None:
            assert Message.objects.get(pk=result.message_id).text == reply.text
    numbers = Conversation.objects.exclude(external_id="t7").values_list(
        "seq", flat=True
    )
    assert len(set(numbers)) == 39


def test_an_answer_withheld_by_the_next_handoff_is_not_sent(
    asked: Conversation, chatwoot: Any
) -> None:
    """The assistant itself gives up before its earlier answer has left."""
    commit_all([answer(asked)])
    say(chatwoot, "I want a person!", id_="2")
    commit(only(), "Of course.", hands_off=True, outcome=Message.State.HANDED_OVER)

    found = Delivery.objects.order_by("id").values_list("kind", "state")
    assert list(found) == [
        ("text", "withheld"), ("text", "waiting"), ("hand_off", "waiting"),
    ]  # fmt: skip


def test_a_reply_against_a_takeover_is_before_it_or_not_at_all(chatwoot: Any) -> None:
    """Run many times: both start at the same moment."""
    for number in range(ROUNDS):
        say(chatwoot, "How long?", thread=f"t{number}", id_="1")
        row = claim(Conversation.objects.get(external_id=f"t{number}"))
        reply = answer(row)
        start = threading.Barrier(2)
        results: list[Any] = []

        def take_over(row: Any = row, start: Any = start) -> None:
            start.wait()
            services.hand_off(conversation=row, reason="taken_over")
            connection.close()

        def speak(
            reply: Any = reply, start: Any = start, results: Any = results
        ) -> None:
            start.wait()
            results += commit_all([reply])
            connection.close()

        threads = [threading.Thread(target=each) for each in (take_over, speak)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

        row.refresh_from_db()
        (result,) = results
        assert row.status == "support_active"
        spoken = row.messages.filter(author="assistant")
        if result.verdict is Verdict.COMMITTED:
            # Committed before the takeover, which then withheld it.
            assert [each.state for each in spoken] == ["withheld"]
            texts = row.deliveries.filter(kind="text")
            assert [each.state for each in texts] == ["withheld"]
        else:
            assert result.verdict is Verdict.PERSON_ACTED
            assert list(spoken) == []
        assert not row.messages.filter(state="waiting").exists()
