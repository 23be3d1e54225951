"""Which of our messages a CRM means; it knows only the words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext

from conversations.models import Message
from core.exceptions import AppError

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from conversations.models import Conversation

#: Newest messages of a conversation among which the words are looked for.
LOOK_BACK: Final = 200


class UnknownMessage(AppError):
    """The session has no such message; the same for one that belongs to others."""

    code = "unknown_message"
    status_code = 404

    def __init__(self) -> None:
        super().__init__(gettext("There is no such message in this session."))


def replies_of(conversation: Conversation) -> QuerySet[Message]:
    """What the assistant replied and the contact can have seen."""
    said = conversation.messages.filter(
        author=Message.Author.ASSISTANT, answers_up_to__isnull=False
    )
    return said.exclude(state=Message.State.WITHHELD)


def replies_like(conversation: Conversation, response: str) -> list[Message]:
    """The replies with these words, newest first."""
    newest = replies_of(conversation).select_related("feedback").order_by("-pk")
    return [row for row in newest[:LOOK_BACK] if _are_same(row.text, response)]


def answering(replies: list[Message], query: str) -> list[Message]:
    """Those of the replies that answer a question with these words."""
    asked = Message.objects.in_bulk([row.answers_up_to for row in replies])
    return [
        row
        for row in replies
        if row.answers_up_to in asked
        and _are_same(asked[row.answers_up_to].text, query)
    ]


def question_meant(conversation: Conversation, query: str) -> Message | None:
    """The newest of the contact's messages with these words."""
    written = conversation.messages.filter(author=Message.Author.CONTACT)
    newest = written.order_by("-pk")[:LOOK_BACK]
    return next((row for row in newest if _are_same(row.text, query)), None)


def _are_same(text: str, other: str) -> bool:
    return text.split() == other.split()
