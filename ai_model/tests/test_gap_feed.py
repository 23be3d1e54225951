"""From turns that ended without an answer to groups of questions."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import IntegrityError, connection

from ai_model import gap_feed
from ai_model.models import Gap, GapFeed, GapQuestion
from ai_model.tests.unanswered import ask, look, pass_time, reply
from conversations.models import Conversation
from conversations.tests.factories import ConversationFactory
from integrations.tests.factories import ChannelFactory

pytestmark = pytest.mark.django_db


def groups() -> set[frozenset[str]]:
    return {
        frozenset(gap.questions.values_list("text", flat=True))
        for gap in Gap.objects.all()
    }


def test_questions_that_mean_the_same_are_one_gap(channel: Any) -> None:
    same = ["Do you ship to Norway?", "can you ship it to norway", "Shipping to Norway"]
    for text in [*same, "Is the tent fireproof?"]:
        ask(channel, text)

    look()

    assert groups() == {frozenset(same), frozenset(["Is the tent fireproof?"])}


def test_what_came_later_joins_the_gap_that_is_there(channel: Any) -> None:
    ask(channel, "Do you ship to Norway?")
    look()
    first = Gap.objects.get()

    ask(channel, "can you ship to norway please")
    look()

    gap = Gap.objects.get()
    assert gap.questions.count() == 2
    assert gap.last_seen_at > first.last_seen_at
    assert gap.first_seen_at == first.first_seen_at


@pytest.mark.parametrize(
    ("state", "reason", "counts"),
    [
        ("handed_over", "low_confidence", True),
        ("handed_over", "no_results", True),
        ("handed_over", "not_in_knowledge", True),
        ("handed_over", "unsupported", True),
        ("handed_over", "outside_hours", False),
        ("handed_over", "provider_error", False),
        ("handed_over", "asked_for_person", False),
        ("answered", "answered", False),
        ("dropped", "more_words", False),
        ("failed", "error", False),
    ],
)
def test_which_turns_are_gaps(
    channel: Any, state: str, reason: str, counts: bool
) -> None:
    ask(channel, "Do you ship to Norway?", state=state, reason=reason)

    look()

    assert GapQuestion.objects.exists() is counts


@pytest.mark.parametrize("text", ["", "?!", "ok", "😀😀"])
def test_what_is_no_question_is_no_gap(channel: Any, text: str) -> None:
    ask(channel, text)

    look()

    assert not Gap.objects.exists()


def test_a_question_whose_answer_made_the_contact_want_a_person_counts(
    channel: Any,
) -> None:
    answered = ask(
        channel, "Do you ship to Norway?", state="answered", reason="answered"
    )
    ask(
        channel,
        "let me talk to a human",
        conversation=answered.conversation,
        reason="asked_for_person",
        query="",
    )

    look()

    assert groups() == {frozenset(["Do you ship to Norway?"])}


def test_a_question_counts_once_when_the_offered_person_is_accepted(
    channel: Any,
) -> None:
    turn = ask(channel, "Do you ship to Norway?")
    ask(
        channel,
        "yes",
        conversation=turn.conversation,
        reason="asked_for_person",
        query="",
    )

    look()

    assert GapQuestion.objects.get().turn == turn


def test_nothing_personal_is_kept(channel: Any) -> None:
    conversation = ConversationFactory(channel=channel)
    conversation.contact.name = "Anna Keller"
    conversation.contact.save()
    ask(
        channel,
        "Anna Keller here, order 100482, mail anna@mail.example: is it fireproof?",
        conversation=conversation,
    )

    look()

    gap = Gap.objects.get()
    assert gap.question == "… here, order …, mail …: is it fireproof?"
    assert gap.questions.get().text == gap.question


def test_questions_of_test_agents_do_not_count(channel: Any) -> None:
    conversation = ConversationFactory(channel=channel, address={"agent_type": "test"})
    ask(channel, "Do you ship to Norway?", conversation=conversation)

    look()

    assert not Gap.objects.exists()


def test_accounts_do_not_share_gaps(channel: Any) -> None:
    other = ChannelFactory()
    ask(channel, "Do you ship to Norway?")
    ask(other, "Do you ship to Norway?")

    look()

    assert set(Gap.objects.values_list("account", flat=True)) == {
        channel.account_id, other.account_id,
    }  # fmt: skip


def test_looking_again_changes_nothing(channel: Any) -> None:
    ask(channel, "Do you ship to Norway?")
    look()
    mark = GapFeed.objects.get()

    look()
    GapFeed.objects.update(turn_id=0)
    look()

    assert GapQuestion.objects.count() == 1
    assert GapFeed.objects.get().turn_id == mark.turn_id


def test_a_young_turn_waits_for_smaller_numbers(channel: Any) -> None:
    ask(channel, "Do you ship to Norway?")

    assert gap_feed.feed() is False
    pass_time()
    assert gap_feed.feed() is True
    assert Gap.objects.count() == 1


def test_a_closed_gap_that_is_asked_about_again_is_open_again(channel: Any) -> None:
    ask(channel, "Do you ship to Norway?")
    look()
    Gap.objects.update(status=Gap.Status.CLOSED)

    ask(channel, "do you ship to Norway")
    look()

    assert Gap.objects.get().status == Gap.Status.OPEN


def test_a_dismissed_gap_stays_dismissed(channel: Any) -> None:
    ask(channel, "Do you ship to Norway?")
    look()
    Gap.objects.update(status=Gap.Status.DISMISSED)

    ask(channel, "do you ship to Norway")
    look()

    gap = Gap.objects.get()
    assert (gap.status, gap.questions.count()) == (Gap.Status.DISMISSED, 2)


def test_the_newer_of_two_equally_frequent_gaps_comes_first(channel: Any) -> None:
    for text in ("Do you ship to Norway?", "Is the tent fireproof?"):
        ask(channel, text)
        look()

    volumes = [gap.volume for gap in Gap.objects.by_volume()]

    assert volumes == [1, 1]
    assert Gap.objects.by_volume()[0].question == "Is the tent fireproof?"


def test_a_conversation_that_is_deleted_takes_its_question_along(channel: Any) -> None:
    turn = ask(channel, "Do you ship to Norway?")
    look()

    turn.conversation.delete()

    assert not GapQuestion.objects.exists()


QUESTIONS = [
    "Do you ship to Norway?", "can you ship to norway", "Is the tent fireproof?",
    "is this tent fireproof", "Can I pay in instalments?", "pay by instalments",
]  # fmt: skip


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", range(4))
def test_any_number_of_processes_store_each_question_once(
    channel: Any, seed: int
) -> None:
    chance = random.Random(seed)
    turns = [ask(channel, chance.choice(QUESTIONS)) for _ in range(12)]
    pass_time()
    GapFeed.objects.get_or_create(pk=1)
    gone = chance.sample(turns, 3)

    def run() -> None:
        while gap_feed.feed():
            pass
        connection.close()

    def delete() -> None:
        waiting = list(gone)
        while waiting:
            try:
                Conversation.objects.filter(pk=waiting[-1].conversation_id).delete()
            except IntegrityError:
                # Its question was stored just now; PostgreSQL keeps both.
                continue
            waiting.pop()
        connection.close()

    with ThreadPoolExecutor() as pool:
        for job in [pool.submit(each) for each in (run, run, delete, run)]:
            job.result()

    assert set(GapQuestion.objects.values_list("turn_id", flat=True)) == {
        turn.pk for turn in turns if turn not in gone
    }
    alike = {frozenset(QUESTIONS[at : at + 2]) for at in (0, 2, 4)}
    assert all(any(group <= each for each in alike) for group in groups())


def test_a_reply_lets_the_draft_be_looked_at_again(channel: Any) -> None:
    turn = ask(channel, "Do you ship to Norway?")
    look()
    assert Gap.objects.get().due_at is None

    reply(turn, "Yes, we ship to Norway within five days.")
    pass_time()
    gap_feed.feed()

    assert Gap.objects.get().due_at is not None
