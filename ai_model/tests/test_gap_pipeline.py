"""A question's whole way: asked in vain, replied to by a person, asked again."""

from __future__ import annotations

from typing import Any

from ai_model import gaps
from ai_model.models import Gap, Turn
from ai_model.tests.unanswered import look
from conversations import services
from conversations.models import Message
from conversations.tests.acting import say
from core.tests.network import eventually
from knowledge.models import Entry
from knowledge.tests.factories import EntryFactory

QUESTION = "Do you rent out tents for a weekend?"
REPLY = "Yes, we rent out tents for a weekend, from 25 dollars a day."


def answer_to(channel: Any, thread: str) -> Message:
    """Ask in a new conversation, and wait for what comes of it."""
    say(channel, QUESTION, thread=thread)
    rows = Message.objects.filter(conversation__external_id=thread, author="assistant")
    found: Message = eventually(rows.first)
    return found


def test_what_a_person_replied_is_what_the_next_contact_is_told(
    channel: Any, engine: Any
) -> None:
    for title, body in {
        "Returning an item": "You may send it back within 30 days for a full refund.",
        "Gift cards": "Gift cards are valid for two years and cannot be paid out.",
        "Repairing a tent": "Our workshop mends zips and poles for a small fee.",
    }.items():
        EntryFactory(account=channel.account, title=title, body=body)
    offer = answer_to(channel, "first")
    services.reply(conversation=offer.conversation, user=None, text=f"Hello! {REPLY}")

    look()
    gap = Gap.objects.get()
    proof = gaps.publish(gap=gap)
    answer = answer_to(channel, "second")

    assert offer.turn.state == Turn.State.HANDED_OVER
    assert (gap.question, proof.is_closed) == (QUESTION, True)
    assert Entry.objects.published().filter(body=REPLY).exists()
    assert answer.turn.state == Turn.State.ANSWERED
    assert "25 dollars" in answer.text
