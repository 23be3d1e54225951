"""Which of our messages a rating is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conversations.finding import (
    UnknownMessage,
    answering,
    replies_like,
    replies_of,
)

if TYPE_CHECKING:
    from uuid import UUID

    from conversations.models import Conversation, Message


def reply_named(conversation: Conversation, name: UUID) -> Message:
    """The reply with this id of ours; raises `UnknownMessage`."""
    found = replies_of(conversation).filter(uuid=name).first()
    if found is None:
        raise UnknownMessage
    return found


def reply_meant(conversation: Conversation, *, query: str, response: str) -> Message:
    """The reply that a CRM means by the question and the answer.

    Of several with the same words, the newest that answers this question and was not
    rated yet. Raises `UnknownMessage`.
    """
    alike = replies_like(conversation, response)
    found = answering(alike, query) or alike
    if not found:
        raise UnknownMessage
    return next((row for row in found if not hasattr(row, "feedback")), found[0])
