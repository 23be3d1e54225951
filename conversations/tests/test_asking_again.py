"""A question that failed or was handed over is given to the assistant once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from accounts.models import Change
from conversations import services
from conversations.models import Conversation, Message
from conversations.tests.acting import say
from conversations.tests.factories import MessageFactory
from core.exceptions import Conflict
from escalation.models import Escalation

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def question(channel: Any) -> Message:
    """One that waits for people, with an escalation."""
    say(channel, "How long?", id_="1")
    message = Message.objects.get()
    services.hand_off(conversation=message.conversation, reason="low_confidence")
    message.refresh_from_db()
    Escalation.objects.create(
        account=message.account,
        conversation=message.conversation,
        question=message,
        reason="low_confidence",
        state="open",
    )
    return message


def test_it_waits_for_the_assistant_in_a_new_epoch(question: Message) -> None:
    row = services.ask_again(message=question)

    question.refresh_from_db()
    assert question.state == Message.State.WAITING
    assert (row.status, row.status_reason, row.epoch) == ("active", "asked_again", 2)
    assert row.due_at is not None
    assert row.waiting_since is not None
    assert not row.needs_person


def test_nobody_is_called_to_it_meanwhile(question: Message) -> None:
    services.ask_again(message=question)

    escalation = Escalation.objects.get()
    assert (escalation.state, escalation.due_at) == ("closed", None)


def test_all_that_was_asked_since_is_asked_together(question: Message) -> None:
    later = MessageFactory(
        conversation=question.conversation, state=Message.State.HANDED_OVER
    )

    services.ask_again(message=question)

    later.refresh_from_db()
    assert later.state == Message.State.WAITING


def test_a_failed_question_is_asked_again_where_the_assistant_has_the_word(
    conversation: Conversation,
) -> None:
    failed = MessageFactory(conversation=conversation, state=Message.State.FAILED)

    row = services.ask_again(message=failed)

    assert (row.status, row.epoch) == ("active", 1)
    assert row.due_at is not None


def _replied(question: Message, bob: Any) -> None:
    services.reply(conversation=question.conversation, user=bob, text="Three days.")


def _taken_over(question: Message, bob: Any) -> None:
    services.hand_off(conversation=question.conversation, reason="x", user=bob)


def _answered(question: Message, bob: Any) -> None:
    MessageFactory(conversation=question.conversation, state=Message.State.ANSWERED)


def _being_answered(question: Message, bob: Any) -> None:
    Conversation.objects.update(worker=7)


def _dealt_with(question: Message, bob: Any) -> None:
    Message.objects.update(state=Message.State.ANSWERED)


@pytest.mark.parametrize(
    "happened", [_replied, _taken_over, _answered, _being_answered, _dealt_with]
)
def test_it_is_not_asked_again_where_somebody_has_the_word(
    question: Message, bob: User, happened: Any
) -> None:
    happened(question, bob)
    before = Conversation.objects.values("epoch", "status", "due_at").get()

    with pytest.raises(Conflict):
        services.ask_again(message=question)

    assert Conversation.objects.values("epoch", "status", "due_at").get() == before


def test_the_list_says_what_will_happen_and_does_it_only_then(
    client: Client, alice: User, question: Message
) -> None:
    client.force_login(alice)
    address = reverse("admin:conversations_message_changelist")
    values = {"action": "ask_again", "_selected_action": [question.pk]}

    asked = client.post(address, values)
    question.refresh_from_db()
    state_before = question.state
    done = client.post(address, {**values, "confirmed": "yes"}, follow=True)

    question.refresh_from_db()
    assert "1 row is affected" in asked.content.decode()
    assert "How long?" in asked.content.decode()
    assert state_before == Message.State.HANDED_OVER
    assert question.state == Message.State.WAITING
    assert "1 question is asked again." in done.content.decode()


def test_what_could_not_be_asked_again_is_not_told_as_a_success(
    client: Client, alice: User, question: Message
) -> None:
    Message.objects.update(state=Message.State.ANSWERED)
    client.force_login(alice)
    values = {"action": "ask_again", "_selected_action": [question.pk]}

    done = client.post(
        reverse("admin:conversations_message_changelist"),
        {**values, "confirmed": "yes"},
        follow=True,
    )

    told = [(each.level_tag, str(each)) for each in done.context["messages"]]
    assert [level for level, _text in told] == ["warning", "warning"]
    assert "Only what failed or was handed over is asked again." in told[0][1]
    assert told[1][1] == "Nothing was changed."
    assert not Change.objects.filter(verb="ask_again").exists()


def test_why_is_one_click_away_and_hidden_from_strangers(
    client: Client, alice: User, charlie: User, question: Message
) -> None:
    address = reverse("admin:ai_model_turn_of_message", args=[question.pk])
    client.force_login(alice)

    listed = client.get(reverse("admin:conversations_message_changelist"))
    told = client.get(address).content.decode()
    client.force_login(charlie)

    assert address in listed.content.decode()
    assert "It was handed over to a person" in told
    assert "ask_again" in told
    assert client.get(address).status_code == 404
