"""Words that arrive by two ways are one message.

A provider may tell of the same words twice, under names that have nothing in common.
Each message is joined with one other at most, so that who says "ok" twice said it twice.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone

from conversations.models import Conversation, Message

if TYPE_CHECKING:
    from collections.abc import Iterable

    from integrations.adapters.inbound import InboundMessage

#: How far apart both ways may be.
WITHIN: Final = dt.timedelta(minutes=2)
#: What the name of a message begins with of which both ways are known.
_BOTH: Final = "both:"


def find(
    conversation: Conversation, inbound: InboundMessage, new: Iterable[Message]
) -> Message | None:
    """The same words that came the other way and were not joined with any yet.

    `new` are messages that are not stored yet. The conversation is locked.
    """
    since = timezone.now() - WITHIN
    stored = conversation.messages.filter(
        author=Message.Author.CONTACT,
        external_id__startswith=inbound.twin,
        created_at__gte=since,
    )
    unstored = (each for each in new if each.conversation_id == conversation.pk)
    words = inbound.text.split()
    for each in (*stored.order_by("pk"), *unstored):
        if each.external_id.startswith(inbound.twin) and each.text.split() == words:
            return each
    return None


def join(conversation: Conversation, message: Message, inbound: InboundMessage) -> None:
    """Make one message of both, and keep what the second says of how to reply."""
    message.external_id = f"{_BOTH}{inbound.external_id}"[:200]
    conversation.address = address_of(conversation, inbound)
    if conversation.due_at is not None:
        # Nothing more is waited for.
        conversation.due_at = min(conversation.due_at, timezone.now())
    if message.pk:
        message.save(update_fields=["external_id"])
        conversation.save(update_fields=["address", "due_at"])
    # Else both are stored with all that is new.


def address_of(conversation: Conversation, inbound: InboundMessage) -> dict[str, Any]:
    """How to reply from now on."""
    is_kept = inbound.adds_address or not inbound.address
    known = conversation.address if is_kept else {}
    return {**known, **inbound.address}
