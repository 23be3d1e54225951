"""The ticket as a desk gets it: who, what was asked, what was answered, and all said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.template.loader import render_to_string

from conversations import handover
from conversations.models import Message
from core.language import speaking
from core.text import isoformat, truncate
from integrations.desks.base import TicketDraft

if TYPE_CHECKING:
    from escalation.models import Escalation, Ticket

#: Newest messages of a conversation that a ticket shows.
MOST_SAID = 200
#: Longest part of the question in a subject.
LONGEST_SUBJECT = 120


def draft(ticket: Ticket) -> TicketDraft:
    """What the desk is to make of this ticket."""
    escalation = ticket.escalation
    with speaking(settings.LANGUAGE_CODE):
        question = " ".join(escalation.question.text.split())
        return TicketDraft(
            reference=escalation.uuid,
            subject=f"{truncate(question, LONGEST_SUBJECT)} (#{ticket.number})",
            html=render_to_string("escalation/draft.html", _context(ticket)),
            requester_name=escalation.contact_name,
            requester_email=ticket.email,
            started_at=ticket.created_at,
            tags=("assistant", escalation.reason.replace("_", "-")),
        )


def _context(ticket: Ticket) -> dict[str, Any]:
    escalation = ticket.escalation
    contact = escalation.conversation.contact
    return {
        "ticket": ticket,
        "escalation": escalation,
        "facts": {**contact.profile, **_told(escalation)},
        "answer": escalation.reply.text if escalation.reply else escalation.shown,
        "sources": escalation.reply.sources if escalation.reply else [],
        "history": ticket.history or said(escalation),
        "desk_url": desk_url(escalation),
    }


def _told(escalation: Escalation) -> dict[str, str]:
    told = {"agency": escalation.agency, "office": escalation.office}
    return {name: value for name, value in told.items() if value}


def said(escalation: Escalation) -> list[dict[str, str]]:
    """What was said in the conversation, as CRMs tell it, oldest first."""
    messages = escalation.conversation.messages.exclude(state=Message.State.WITHHELD)
    newest = messages.order_by("-pk")[:MOST_SAID]
    return [
        {
            "role": "user" if row.author == Message.Author.CONTACT else "assistant",
            "content": row.text,
            "timestamp": isoformat(row.created_at),
        }
        for row in reversed(newest)
    ]


def desk_url(escalation: Escalation) -> str:
    """Where staff see the conversation; empty where we do not know our own address."""
    return handover.desk_url(escalation.conversation)
