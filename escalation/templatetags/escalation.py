"""What the live desk shows of a conversation's escalations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template

from escalation.models import Escalation

if TYPE_CHECKING:
    from conversations.models import Conversation

register = template.Library()

#: Newest escalations that are shown.
MOST_SHOWN = 3


@register.inclusion_tag("escalation/_panel.html", takes_context=True)
def escalations(context: template.Context, conversation: Conversation) -> Any:
    """The newest escalations of a conversation, with what came of each."""
    rows = Escalation.objects.filter(conversation=conversation)
    rows = rows.select_related("ticket__desk", "acknowledged_by")
    newest = rows.prefetch_related(
        "ticket__letters", "ticket__notes", "ticket__mails", "alerts"
    ).order_by("-pk")
    return {
        "escalations": newest[:MOST_SHOWN],
        "csrf_token": context.get("csrf_token"),
    }
