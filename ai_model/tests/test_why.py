from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from ai_model.models import Turn
from ai_model.why import REASONS, explain, explain_turn, reason_text
from conversations.models import Conversation, Delivery, Message
from conversations.tests.factories import MessageFactory
from knowledge.tests.factories import EntryFactory

if TYPE_CHECKING:
    from accounts.models import User


def make_turn(question: Message, **values: Any) -> Turn:
    given: dict[str, Any] = {
        "account": question.account,
        "conversation": question.conversation,
        "first_message_id": question.pk,
        "last_message_id": question.pk,
        "epoch": 0,
        "worker": 1,
        "state": Turn.State.ANSWERED,
        "reason": "answered",
    }
    return Turn.objects.create(**{**given, **values})


@pytest.fixture
def question(conversation: Conversation) -> Message:
    return MessageFactory(
        conversation=conversation, state="answered", reason="answered"
    )


@pytest.fixture
def reply(question: Message) -> Message:
    return MessageFactory(
        conversation=question.conversation,
        author="assistant",
        state="sent",
        text="Three days.",
    )


@pytest.fixture
def turn(question: Message, reply: Message) -> Turn:
    entry = EntryFactory(
        account=question.account, external_id="delivery", title="Delivery"
    )
    unnamed = EntryFactory(account=question.account, title="Unnamed")
    return make_turn(
        question,
        reply=reply,
        query="Where is my parcel?",
        retrieved=[
            {"entry_id": entry.public_id, "score": 3.5},
            {"entry_id": unnamed.public_id, "score": 2},
            {"entry_id": "gone", "score": 1},
        ],
        confidence=0.91,
        threshold=0.85,
        provider="openai",
        model="gpt-test",
        failures=[["gemini", "timeout"]],
        tokens_in=120,
        tokens_out=30,
        cost=Decimal("0.000123"),
        timings={"wait": 5, "retrieve": 2, "complete": 900},
        prompt_versions={"manual": 3},
        finished_at=timezone.now(),
    )


def test_an_answered_message_tells_how_it_was_answered(
    question: Message, turn: Turn
) -> None:
    lines = explain(question).lines

    assert "It was answered: the knowledge answered it with enough confidence." in lines
    for expected in [
        "Attempt 1: Answered, the knowledge answered it with enough confidence.",
        "Searched for: Where is my parcel?",
        "Found 1: Delivery [delivery], score 3.5",
        "Found 3: (no longer there) [gone], score 1",
        "Confidence 0.91 against a threshold of 0.85: enough.",
        "Provider gemini failed before: timeout.",
        "Written by openai (gpt-test): 120 tokens in, 30 out, $0.000123.",
        "Prompt versions: manual 3.",
        "Time: wait 5 ms, retrieve 2 ms, complete 900 ms.",
    ]:
        assert expected in lines
    assert any(line.startswith("Found 2: Unnamed [") for line in lines)
    assert set(explain_turn(turn)) <= set(lines)


def test_what_is_not_quite_certain_is_not_told_as_certain(
    question: Message, turn: Turn
) -> None:
    Turn.objects.update(confidence=0.9987)

    lines = explain(question).lines

    assert "Confidence 0.99 against a threshold of 0.85: enough." in lines


def test_a_reply_tells_of_the_turns_that_led_to_it(
    question: Message, reply: Message, turn: Turn
) -> None:
    make_turn(question, state="failed", reason="worker_died")
    other = MessageFactory(conversation=question.conversation)
    make_turn(other)

    explanation = explain(reply)

    assert [each.reason for each in explanation.turns] == ["answered", "worker_died"]
    assert explanation.turns[0].reply == str(reply.uuid)


def test_titles_of_another_account_are_not_told(
    question: Message, charlie: User
) -> None:
    EntryFactory(
        account=charlie.accounts.get(), external_id="same", title="Charlie's secret"
    )
    make_turn(question, retrieved=[{"entry_id": "same", "score": 1}])

    assert "Charlie" not in "".join(explain(question).lines)


def test_a_message_that_a_person_took_names_the_person(
    conversation: Conversation, bob: User
) -> None:
    question = MessageFactory(
        conversation=conversation, state="handed_over", reason="taken_over"
    )
    conversation.status = Conversation.Status.SUPPORT_ACTIVE
    conversation.status_reason = "taken_over"
    conversation.assigned_to = bob
    MessageFactory(conversation=conversation, author="support", user=bob)

    explanation = explain(question)

    assert explanation.people == ("bob",)
    assert "The assistant has not tried to answer it." in explanation.lines
    assert (
        "Who replies in the conversation now: Support, because a person took the"
        " conversation over." in explanation.lines
    )


def test_a_reply_that_did_not_arrive_tells_why(
    question: Message, reply: Message, turn: Turn
) -> None:
    Delivery.objects.create(
        account=reply.account,
        conversation=reply.conversation,
        message=reply,
        text=reply.text,
        state=Delivery.State.FAILED,
        attempts=6,
        error="403 Forbidden",
        due_at=timezone.now(),
    )

    line = "Delivery of part 1: failed, 6 attempts; 403 Forbidden."
    assert explain(reply).lines[-1] == line
    assert explain(question).lines[-1] == line


def test_an_explanation_is_plain_json(question: Message, turn: Turn) -> None:
    text = DjangoJSONEncoder().encode(explain(question).as_dict())

    assert '"cost": 0.000123' in text


def test_an_unknown_reason_is_told_as_it_is() -> None:
    assert reason_text("moon_is_full") == "moon is full"
    assert reason_text("low_confidence") == REASONS["low_confidence"]


def test_times_are_told_in_utc(question: Message) -> None:
    question.created_at = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)

    assert (
        explain(question).lines[0] == "Customer wrote this on 2026-01-02 03:04:05 UTC."
    )
