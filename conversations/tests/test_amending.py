"""Providers speak of words that are known: edited, taken back, arrived, our own."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from conversations import delivery, intake, outcomes
from conversations.amending import TooEarly
from conversations.delivery import Outcome
from conversations.models import Conversation, Delivery, Message
from conversations.outbound import outbound_of
from conversations.tests.acting import commit, say
from core.exceptions import ReplyWindowClosed
from integrations.adapters.inbound import (
    InboundDeletion,
    InboundEdit,
    InboundMessage,
    InboundReport,
)
from integrations.facts import adapter_of, facts_of

pytestmark = pytest.mark.django_db

THREAD = "thread-1"


@pytest.fixture
def part(telegram: Any) -> Delivery:
    """A reply that is on its way."""
    say(telegram, "How long?", id_="1")
    commit(Conversation.objects.get(), "Three days.")
    return Delivery.objects.get()


def receive(channel: Any, *inbound: Any) -> None:
    intake.receive([(facts_of(channel), each) for each in inbound])


def send(part: Delivery, external_id: str = "m1") -> None:
    (claimed,) = delivery.claim(1, 10)
    delivery.start([claimed.id], 1)
    delivery.record([Outcome(part.pk, Delivery.State.SENT, external_id, worker=1)])


def test_an_edit_changes_the_words_and_asks_for_no_other_answer(telegram: Any) -> None:
    say(telegram, "How long?", id_="1")
    commit(Conversation.objects.get(), "Three days.")

    receive(telegram, InboundEdit(THREAD, "1", "How long to Darkhan?"))

    message = Message.objects.get(author="contact")
    assert (message.text, message.state) == ("How long to Darkhan?", "answered")
    assert Conversation.objects.get().due_at is None


def test_words_that_are_taken_back_are_not_kept(telegram: Any) -> None:
    say(telegram, "My card is 4111.", id_="1")

    receive(telegram, InboundDeletion(THREAD, "1"))

    message = Message.objects.get()
    assert (message.text, message.state, message.reason) == ("", "ignored", "deleted")
    assert Conversation.objects.get().last_text == ""


def test_what_is_not_known_is_nothing_to_us(telegram: Any) -> None:
    say(telegram, "Hello", id_="1")

    receive(
        telegram,
        InboundEdit(THREAD, "2", "x"),
        InboundDeletion("elsewhere", "1"),
        InboundReport(THREAD, "unknown", "read"),
    )

    assert Message.objects.get().text == "Hello"


def test_reports_lead_forward_only(telegram: Any, part: Delivery) -> None:
    send(part)

    for state in ("delivered", "read", "delivered", "sent"):
        receive(telegram, InboundReport(THREAD, "m1", state))  # type: ignore[arg-type]

    part.refresh_from_db()
    assert part.state == "read"
    assert Message.objects.get(author="assistant").state == "sent"


def test_a_reported_failure_calls_a_person(telegram: Any, part: Delivery) -> None:
    send(part)

    receive(telegram, InboundReport(THREAD, "m1", "failed", "Number is not there"))

    part.refresh_from_db()
    assert (part.state, part.error) == ("failed", "Number is not there")
    assert Message.objects.get(author="assistant").state == "failed"
    assert Conversation.objects.get().needs_person


def test_a_report_that_overtakes_its_sending_waits(
    telegram: Any, part: Delivery
) -> None:
    (claimed,) = delivery.claim(1, 10)
    delivery.start([claimed.id], 1)

    with pytest.raises(TooEarly):
        receive(telegram, InboundReport(THREAD, "m1", "delivered"))


def echo(text: str, external_id: str = "m1") -> InboundMessage:
    return InboundMessage(
        conversation_id=THREAD,
        contact_id="c",
        external_id=external_id,
        text=text,
        author="support",
        is_echo=True,
    )


def test_our_own_words_come_back_and_nobody_has_acted(
    telegram: Any, part: Delivery
) -> None:
    send(part)

    receive(telegram, echo("Three days."))

    assert Conversation.objects.get().status == "active"
    assert Message.objects.count() == 2


def test_our_own_words_may_come_back_before_their_sending_ends(
    telegram: Any, part: Delivery
) -> None:
    (claimed,) = delivery.claim(1, 10)
    delivery.start([claimed.id], 1)

    receive(telegram, echo("Three days. "))
    delivery.record([Outcome(part.pk, Delivery.State.SENT, "m1", worker=1)])

    assert Conversation.objects.get().status == "active"


def test_what_was_uncertain_has_arrived_when_it_comes_back(
    telegram: Any, part: Delivery
) -> None:
    (claimed,) = delivery.claim(1, 10)
    delivery.start([claimed.id], 1)
    delivery.record([Outcome(part.pk, Delivery.State.UNCERTAIN, worker=1)])

    receive(telegram, echo("Three days."))

    part.refresh_from_db()
    assert (part.state, part.external_id) == ("sent", "m1")
    assert Message.objects.get(author="assistant").state == "sent"


def test_other_words_are_a_persons(telegram: Any, part: Delivery) -> None:
    send(part)

    receive(telegram, echo("Let me look.", "m2"))

    conversation = Conversation.objects.get()
    assert (conversation.status, conversation.status_reason) == (
        "support_active",
        "person_replied",
    )


def test_the_next_part_rests_as_the_provider_wants_it(telegram: Any) -> None:
    say(telegram, "How long?", id_="1")
    commit(Conversation.objects.get(), "Ok. " * 2000)
    (claimed,) = delivery.claim(1, 10)
    delivery.start([claimed.id], 1)
    now = timezone.now()

    delivery.record(
        [Outcome(claimed.id, Delivery.State.SENT, "m1", pace_s=1.0, worker=1)]
    )

    assert delivery.claim(1, 10) == []
    waiting = Delivery.objects.get(state="waiting")
    assert 0.9 < (waiting.due_at - now).total_seconds() < 30


def test_when_the_window_has_closed_people_take_over(
    telegram: Any, part: Delivery
) -> None:
    (claimed,) = delivery.claim(1, 10)
    closed = ReplyWindowClosed("More than 24 hours.", provider="instagram")

    delivery.record([outcomes.after_failure(claimed, closed)])
    Delivery.objects.filter(pk=part.pk).update(worker=1)
    outcome = outcomes.after_failure(claimed, closed)
    delivery.record(
        [Outcome(part.pk, outcome.state, is_late=outcome.is_late, worker=1)]
    )

    conversation = Conversation.objects.get()
    assert conversation.status_reason == "window_closed"
    assert conversation.needs_person
    part.refresh_from_db()
    assert part.state == "failed"


def buttons(channel: Any) -> list[tuple[tuple[str, ...], bool]]:
    adapter = adapter_of(channel)
    rows = Delivery.objects.order_by("id").select_related("conversation", "message")
    made = (outbound_of(each, adapter, {}) for each in rows)
    return [(each.choices, each.is_rateable) for each in made]


def test_only_the_end_of_an_answer_can_be_rated(telegram: Any) -> None:
    say(telegram, "How long?", id_="1")
    commit(Conversation.objects.get(), "Ok. " * 2000)
    Message.objects.filter(author="assistant").update(
        reason="answered", sources=[{"entry_id": "1"}]
    )

    assert buttons(telegram) == [((), False), ((), True)]


def test_an_offer_can_be_taken_with_one_press(telegram: Any) -> None:
    say(telegram, "How long?", id_="1")
    commit(Conversation.objects.get(), "Shall I pass this on?")
    Conversation.objects.update(has_offer=True, lang="mn")

    assert buttons(telegram) == [(("Тийм", "Үгүй"), False)]


def test_what_a_person_says_has_no_buttons(telegram: Any) -> None:
    say(telegram, "How long?", id_="1")
    commit(Conversation.objects.get(), "Three days.")
    Message.objects.filter(author="assistant").update(author="support")
    Conversation.objects.update(has_offer=True)

    assert buttons(telegram) == [((), False)]
