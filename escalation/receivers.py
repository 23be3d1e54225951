"""What conversations tell this app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.dispatch import receiver

from conversations.signals import (
    contacts_anonymised,
    conversation_changed_hands,
    messages_received,
    person_replied,
    questions_asked_again,
    questions_unanswered,
    unfinished_wanted,
    words_forgotten,
)
from escalation import handling, letters, notes, opening, tickets
from escalation.models import Escalation
from integrations.signals import ticket_changed

if TYPE_CHECKING:
    from conversations.models import Conversation, Message
    from conversations.replies import Settled
    from integrations.desks.base import TicketNews
    from integrations.models import Desk


@receiver(questions_unanswered)
def open_escalations(settled: list[Settled], **_: Any) -> None:
    opening.open_unanswered(settled)


@receiver(questions_asked_again)
def heed_asking_again(messages: list[int], **_: Any) -> None:
    handling.heed_asking_again(messages)


@receiver(conversation_changed_hands)
def heed_turnover(conversation: Conversation, **_: Any) -> None:
    handling.heed_turnover(conversation)
    opening.open_undelivered(conversation)


@receiver(messages_received)
def heed_words(conversations: list[Conversation], **_: Any) -> None:
    notes.pass_on(conversations)


@receiver(person_replied)
def heed_reply(message: Message, **_: Any) -> None:
    handling.heed_reply(message.conversation, message.user)
    letters.pass_on(message, message.conversation)


@receiver(ticket_changed)
def heed_news(desk: Desk, news: TicketNews, **_: Any) -> None:
    tickets.heed_news(desk, news)


@receiver(unfinished_wanted)
def name_unfinished(conversations: set[int], **_: Any) -> set[int]:
    return handling.unfinished(conversations)


@receiver(contacts_anonymised)
def heed_anonymity(conversations: list[int], **_: Any) -> None:
    handling.anonymise(conversations)


@receiver(words_forgotten)
def forget_words(conversations: list[int], **_: Any) -> None:
    Escalation.objects.filter(conversation__in=conversations).update(shown="")
