"""Words that arrive by two ways: stored once, and each of two alike words stays one."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from conversations import intake
from conversations.models import Conversation, Message
from integrations.adapters.inbound import InboundMessage
from integrations.facts import facts_of

if TYPE_CHECKING:
    from integrations.models import Channel

pytestmark = pytest.mark.django_db


def by_call(number: int, text: str = "ok") -> InboundMessage:
    return InboundMessage(
        "lead-1", "c", f"call:{number}", text, twin="msg:", address={"path": "/p"}
    )


def by_hook(number: int, text: str = "ok") -> InboundMessage:
    return InboundMessage(
        "lead-1",
        "c",
        f"msg:{number}",
        text,
        twin="call:",
        twin_wait_s=3.0,
        address={"at": number},
        adds_address=True,
    )


def receive(channel: Channel, *arrivals: InboundMessage) -> list[Any]:
    return intake.receive([(facts_of(channel), each) for each in arrivals])


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("first", [by_call, by_hook])
def test_the_same_words_by_both_ways_are_one_message(
    channel: Channel, first: Any, together: bool
) -> None:
    second = by_hook if first is by_call else by_call

    if together:
        a, b = receive(channel, first(1, "Hi  there"), second(1, "Hi there"))
    else:
        (a,) = receive(channel, first(1, "Hi  there"))
        (b,) = receive(channel, second(1, "Hi there"))

    assert Message.objects.count() == 1
    assert (a.message_id, a.is_new, b.is_new) == (b.message_id, True, False)


def test_who_says_it_twice_has_said_it_twice(channel: Channel) -> None:
    for number in (1, 2):
        receive(channel, by_call(number))
        receive(channel, by_hook(number))

    assert Message.objects.count() == 2


def test_two_by_one_way_before_any_by_the_other_stay_two(channel: Channel) -> None:
    receive(channel, by_hook(1), by_hook(2))
    receive(channel, by_call(1))
    receive(channel, by_call(2))

    assert Message.objects.count() == 2


def test_other_words_and_late_ones_are_messages_of_their_own(channel: Channel) -> None:
    receive(channel, by_call(1, "ok"))
    receive(channel, by_hook(1, "okay"))
    assert Message.objects.count() == 2

    Message.objects.update(created_at=timezone.now() - dt.timedelta(minutes=3))
    receive(channel, by_hook(2, "ok"))
    assert Message.objects.count() == 3


def test_what_both_say_of_how_to_reply_is_kept(channel: Channel) -> None:
    receive(channel, by_call(1))
    receive(channel, by_hook(1))
    assert Conversation.objects.get().address == {"path": "/p", "at": 1}

    receive(channel, by_hook(2, "more"))
    assert Conversation.objects.get().address == {"path": "/p", "at": 2}

    receive(channel, replace(by_call(2, "and more"), address={"path": "/q"}))
    assert Conversation.objects.get().address == {"path": "/q"}


def test_the_better_way_is_waited_for_and_no_longer(channel: Channel) -> None:
    receive(channel, by_hook(1, "What does delivery cost?"))
    waits_until = Conversation.objects.get().due_at
    assert waits_until
    assert waits_until > timezone.now() + dt.timedelta(seconds=1)

    receive(channel, by_call(1, "What does delivery cost?"))

    due_at = Conversation.objects.get().due_at
    assert due_at
    assert due_at <= timezone.now()
