"""An escalation for each question that was settled without an answer."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ai_model import why
from conversations import delivery, outcomes, services
from conversations.models import Conversation, Message
from conversations.tests.acting import answer, claim, commit, commit_all, say, turn_over
from core.exceptions import ReplyWindowClosed
from escalation.models import Escalation
from escalation.reasons import Reason, reason_of
from integrations.adapters.inbound import Turnover

pytestmark = pytest.mark.django_db(transaction=True)

HANDED_OVER = Message.State.HANDED_OVER
#: Endings in which the assistant needed nobody, or never had the question.
OWN_ENDINGS = {
    "answered", "small_talk", "empty", "declined", "person_handed_back", "handed_back",
    "closed_by_person", "human_mode_off", "reopened", "more_words", "lost_claim",
    "worker_died", "stopped", "conversation_gone", "asked_again", "deleted",
    "disconnected", "inactive",
}  # fmt: skip


def only() -> Escalation:
    return Escalation.objects.get()


def settle(channel: Any, text: str = "Why?", **more: Any) -> Conversation:
    """A question that the assistant did not answer."""
    say(channel, text, thread=more.pop("thread", "thread-1"))
    row = claim(Conversation.objects.latest("id"))
    settled = {"outcome": HANDED_OVER, "reason": "low_confidence", **more}
    commit_all([answer(row, "Would you like a person?", **settled)])
    row.refresh_from_db()
    return row


def offer(channel: Any, **more: Any) -> Conversation:
    return settle(channel, offers_person=True, confidence=0.2, **more)


def hand_over(channel: Any, **more: Any) -> Conversation:
    return settle(channel, reason="asked_for_person", hands_off=True, **more)


def test_an_offer_is_kept_and_calls_nobody_yet(channel: Any) -> None:
    row = offer(channel)

    found = only()
    assert (found.state, found.reason) == ("offered", "low_confidence")
    assert (found.account, found.conversation) == (row.account, row)
    assert found.question == Message.objects.get(author="contact")
    assert found.reply == Message.objects.get(author="assistant")
    assert (found.confidence, found.opened_at) == (0.2, None)


def test_a_handoff_is_open_at_once(channel: Any) -> None:
    hand_over(channel)

    found = only()
    assert (found.state, found.reason) == ("open", "asked_for_person")
    assert found.opened_at is not None
    assert found.acknowledged_at is None


def test_an_answer_opens_nothing_and_costs_no_statement(channel: Any) -> None:
    say(channel, "How long?")
    row = claim(Conversation.objects.get())
    with CaptureQueriesContext(connection) as made:
        commit_all([answer(row)])

    assert not Escalation.objects.exists()
    assert not [each for each in made if "escalation" in each["sql"]]


def test_many_are_opened_by_as_many_statements_as_one(channel: Any) -> None:
    counts = []
    for size in (1, 6):
        rows = []
        for number in range(size):
            say(channel, "Why?", thread=f"{size}-{number}")
            rows.append(claim(Conversation.objects.latest("id")))
        batch = [
            answer(row, outcome=HANDED_OVER, reason="timeout", hands_off=True)
            for row in rows
        ]
        with CaptureQueriesContext(connection) as made:
            commit_all(batch)
        counts.append(len([each for each in made if "escalation_" in each["sql"]]))

    assert Escalation.objects.count() == 7
    assert counts == [2, 2]


def test_a_reply_that_may_not_speak_opens_nothing(channel: Any) -> None:
    say(channel, "Why?")
    row = claim(Conversation.objects.get())
    late = answer(row, outcome=HANDED_OVER, reason="timeout", hands_off=True)
    services.hand_off(conversation=row, reason="human_mode")

    commit_all([late])

    assert not Escalation.objects.exists()


@pytest.mark.parametrize("ending", sorted(set(why.REASONS) - OWN_ENDINGS))
def test_every_ending_that_needs_a_person_is_one_of_ours(ending: str) -> None:
    assert reason_of(ending) in Reason


def test_no_to_the_offer_declines_it(channel: Any) -> None:
    row = offer(channel)
    assert row.needs_person

    settle(channel, "No thanks", outcome=Message.State.ANSWERED, reason="declined")

    row.refresh_from_db()
    assert only().state == "declined"
    assert not row.needs_person


def test_whoever_takes_over_has_it(channel: Any, bob: Any) -> None:
    row = hand_over(channel)

    services.hand_off(conversation=row, reason="taken_over", user=bob)

    found = only()
    assert (found.state, found.acknowledged_by) == ("acknowledged", bob)
    assert found.acknowledged_at is not None


def test_a_handoff_that_nobody_takes_is_not_taken(channel: Any) -> None:
    row = offer(channel)

    services.hand_off(conversation=row, reason="human_mode")

    assert (only().state, only().acknowledged_at) == ("offered", None)


def test_a_reply_answers_it(channel: Any, bob: Any) -> None:
    row = offer(channel)

    services.reply(conversation=row, user=bob, text="Because.")

    found = only()
    assert (found.state, found.acknowledged_by) == ("answered", bob)


def test_a_reply_in_the_providers_app_answers_it(chatwoot: Any) -> None:
    hand_over(chatwoot)

    say(chatwoot, "Because.", author="support", id_="77")

    assert only().state == "answered"


def test_taking_over_in_the_providers_app_counts(chatwoot: Any) -> None:
    offer(chatwoot)

    turn_over(chatwoot, Turnover.TO_SUPPORT)

    assert (only().state, only().acknowledged_by) == ("acknowledged", None)


def close_window(channel: Any, **how: Any) -> Conversation:
    """An answer that comes too late for its provider."""
    say(channel, "How long?")
    commit(Conversation.objects.get(), **how)
    (part,) = delivery.claim(1, 10)
    delivery.start([part.id], 1)
    late = ReplyWindowClosed("More than 24 hours.", provider="whatsapp")
    delivery.record([replace(outcomes.after_failure(part, late), worker=1)])
    return Conversation.objects.get()


def test_an_answer_that_comes_too_late_calls_a_person(chatwoot: Any) -> None:
    close_window(chatwoot)

    found = only()
    assert (found.state, found.reason) == ("open", "window_closed")
    assert found.question == Message.objects.get(author="contact")
    assert found.reply == Message.objects.get(author="assistant")
    assert found.due_at is not None


def test_an_offer_that_comes_too_late_is_no_offer_any_more(chatwoot: Any) -> None:
    unsure = {"outcome": HANDED_OVER, "reason": "low_confidence", "offers_person": True}
    close_window(chatwoot, **unsure)

    assert (only().state, only().reason) == ("open", "window_closed")


def test_closing_closes_it(channel: Any) -> None:
    row = hand_over(channel)

    services.close(conversation=row, reason="closed_by_person")

    assert only().state == "closed"


def test_what_was_declined_stays_declined(channel: Any, bob: Any) -> None:
    row = offer(channel)
    Escalation.objects.update(state="declined")

    services.reply(conversation=row, user=bob, text="Because.")

    assert (only().state, only().acknowledged_at) == ("declined", None)


def test_another_conversations_stay_as_they_are(channel: Any, bob: Any) -> None:
    hand_over(channel, thread="other")
    row = hand_over(channel)

    services.reply(conversation=row, user=bob, text="Because.")

    states = Escalation.objects.order_by("id").values_list("state", flat=True)
    assert list(states) == ["open", "answered"]


def close(channel: Any, **more: Any) -> Conversation:
    """A question to which the assistant only said that the business is closed."""
    return settle(channel, reason="outside_hours", needs_person=True, **more)


def test_people_are_called_once_to_whoever_writes_often_while_it_is_closed(
    channel: Any,
) -> None:
    close(channel, text="Hello?")
    close(channel, text="Anybody?")
    close(channel, text="From somebody else.", thread="thread-2")

    first, second, other = Escalation.objects.order_by("pk")
    assert {each.state for each in (first, second, other)} == {"open"}
    assert first.due_at is not None
    assert second.due_at is None
    assert other.due_at is not None


@pytest.mark.parametrize(
    "change",
    [
        {"acknowledged_at": timezone.now()},
        {"state": "answered"},
        {"reason": "timeout"},
        {"opened_at": timezone.now() - dt.timedelta(days=1)},
        {"due_at": None},
    ],
    ids=["taken", "answered", "other-reason", "long-ago", "went-along"],
)
def test_people_are_called_again_where_nobody_was_called_lately(
    channel: Any, change: dict[str, Any]
) -> None:
    close(channel)
    Escalation.objects.update(**change)

    close(channel)

    assert Escalation.objects.latest("pk").due_at is not None
