"""Escalations, and all that comes of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from escalation.models import (
    Alert,
    Escalation,
    IncomingMail,
    Letter,
    Note,
    Rung,
    Ticket,
)

if TYPE_CHECKING:
    from conversations.models import Message


def escalated(question: Message, word: str = "") -> dict[type, Any]:
    """One row of each model, about a question; whatever is shown holds the word."""
    account = question.account
    escalation = Escalation.objects.create(
        account=account,
        conversation=question.conversation,
        question=question,
        reason="no_results",
        state="open",
        name=word,
    )
    ticket = Ticket.objects.create(
        account=account, escalation=escalation, number=1, email=f"{word}@example.com"
    )
    return {
        Escalation: escalation,
        Ticket: ticket,
        Letter: Letter.objects.create(account=account, ticket=ticket),
        Note: Note.objects.create(account=account, ticket=ticket, message=question),
        IncomingMail: IncomingMail.objects.create(
            account=account, ticket=ticket, kind="unverified", sender=ticket.email
        ),
        Alert: Alert.objects.create(
            account=account, escalation=escalation, rung=0, destination="email"
        ),
        Rung: Rung.objects.create(account=account, position=1, destination="email"),
    }
