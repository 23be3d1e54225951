"""Turns that were answered or handed over, and what was said of them."""

from __future__ import annotations

from typing import Any

from ai_model.models import Turn
from conversations.models import Conversation, Message
from conversations.tests.factories import ConversationFactory, MessageFactory


def answered_turn(
    conversation: Conversation | None = None,
    *,
    channel: Any = None,
    confidence: float = 0.95,
    reason: str = "answered",
    entry: str = "delivery",
    question: str = "How long does delivery take?",
    answer: str = "Parcels arrive within three working days.",
    **values: Any,
) -> Turn:
    """A question, its reply and the turn between them; `low_confidence` hands over."""
    conversation = conversation or ConversationFactory(channel=channel)
    is_answered = reason == "answered"
    asked = MessageFactory(conversation=conversation, text=question)
    reply = MessageFactory(
        conversation=conversation,
        author=Message.Author.ASSISTANT,
        state=Message.State.SENT,
        text=answer if is_answered else "May I get a person for you?",
    )
    return Turn.objects.create(
        account=conversation.account,
        conversation=conversation,
        first_message_id=asked.pk,
        last_message_id=asked.pk,
        reply=reply,
        epoch=0,
        worker=1,
        **{
            "state": Turn.State.ANSWERED if is_answered else Turn.State.HANDED_OVER,
            "reason": reason,
            "query": question,
            "retrieved": [{"entry_id": entry, "score": 1.0}],
            "confidence": confidence,
            "raw_confidence": confidence,
            "threshold": 0.9,
            **values,
        },
    )
