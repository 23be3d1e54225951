"""What staff should know when a conversation becomes theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.urls import reverse

from conversations.models import Conversation, Delivery, Message
from core.text import truncate

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The contact's last words, and how much of each, that make the summary.
_WORDS: Final = 3
_LENGTH: Final = 300
_SOURCES: Final = 5


def contexts(deliveries: Iterable[Delivery]) -> dict[int, dict[str, Any]]:
    """`Outbound.context` of those that tell of a handoff, by their id."""
    return {
        each.pk: _context(each.conversation)
        for each in deliveries
        if each.kind == Delivery.Kind.HAND_OFF
    }


def _context(conversation: Conversation) -> dict[str, Any]:
    messages = conversation.messages.order_by("-id")
    said = messages.filter(author=Message.Author.CONTACT)[:_WORDS]
    reply = messages.filter(author=Message.Author.ASSISTANT).first()
    sources = reply.sources[:_SOURCES] if reply else []
    return {
        "reason": conversation.status_reason,
        "summary": "\n".join(truncate(each.text, _LENGTH) for each in reversed(said)),
        "sources": [str(each.get("title", "")) for each in sources],
        "link": desk_url(conversation),
    }


def desk_url(conversation: Conversation) -> str:
    """Where it is on our desk; empty while we do not know our own address."""
    if not settings.PUBLIC_URL:
        return ""
    path = reverse("desk-conversation", args=[conversation.uuid])
    return f"{settings.PUBLIC_URL}{path}"
