"""What contacts ask in vain and people reply, in few words."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone

from ai_model import gap_drafts, gap_feed
from ai_model.models import Gap, Turn
from conversations.models import Conversation, Message
from conversations.tests.factories import ConversationFactory, MessageFactory

#: Long enough ago that no smaller number can come any more.
LONG_AGO = dt.timedelta(minutes=5)


def ask(
    channel: Any,
    text: str,
    *,
    conversation: Conversation | None = None,
    state: str = Turn.State.HANDED_OVER,
    reason: str = "low_confidence",
    query: str | None = None,
    **more: Any,
) -> Turn:
    """A contact asks, and the turn ends; without an answer, unless told otherwise."""
    conversation = conversation or ConversationFactory(channel=channel)
    message = MessageFactory(
        conversation=conversation, text=text, state=state, reason=reason
    )
    return Turn.objects.create(
        account_id=conversation.account_id,
        conversation=conversation,
        first_message_id=message.pk,
        last_message_id=message.pk,
        state=state,
        reason=reason,
        epoch=0,
        worker=1,
        query=text if query is None else query,
        **more,
    )


def reply(turn: Turn, text: str) -> Message:
    """A person replies."""
    message: Message = MessageFactory(
        conversation=turn.conversation,
        author=Message.Author.SUPPORT,
        state=Message.State.SENT,
        text=text,
    )
    return message


def pass_time() -> None:
    """Let all that happened be long ago."""
    at = timezone.now() - LONG_AGO
    Turn.objects.filter(created_at__gt=at).update(created_at=at)
    Message.objects.filter(created_at__gt=at).update(created_at=at)


def look() -> None:
    """What the timed job does, some time later."""
    pass_time()
    while gap_feed.feed():
        pass
    Gap.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
    gap_drafts.draft_due()
