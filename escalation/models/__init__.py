"""Why people were needed, and what came of it."""

from escalation.models.escalation import Alert, Escalation, EscalationQuerySet, Rung
from escalation.models.ticket import (
    IncomingMail,
    Letter,
    Mailbox,
    Note,
    Numbering,
    Ticket,
)

__all__ = [
    "Alert",
    "Escalation",
    "EscalationQuerySet",
    "IncomingMail",
    "Letter",
    "Mailbox",
    "Note",
    "Numbering",
    "Rung",
    "Ticket",
]
