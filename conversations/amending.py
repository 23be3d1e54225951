"""What providers tell of words that are known: edited, taken back, rated, arrived."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.utils import timezone

from conversations import live, outcomes
from conversations.models import Delivery, Message
from conversations.signals import reply_rated
from core.text import clean_text, truncate
from integrations.adapters.inbound import (
    Inbound,
    InboundDeletion,
    InboundEdit,
    InboundRating,
    InboundReport,
)

if TYPE_CHECKING:
    from conversations.models import Conversation

#: States in the order in which they follow each other; no report leads back.
_ORDER = [Delivery.State.SENT, Delivery.State.DELIVERED, Delivery.State.READ]
#: It left, but its id may not be known yet, or may never be.
_UNNAMED = (Delivery.State.SENDING, Delivery.State.UNCERTAIN)


class TooEarly(RuntimeError):
    """The provider speaks of something whose sending has not ended here."""


def amend(conversation: Conversation, inbound: Inbound, *, most: int) -> None:
    """Let it count. The caller holds the conversation's lock.

    What is not known is nothing to us. Raises `TooEarly` where it may be known soon.
    """
    match inbound:
        case InboundEdit():
            _edit(conversation, inbound, clean_text(inbound.text)[:most])
        case InboundDeletion():
            _delete(conversation, inbound)
        case InboundRating():
            _rate(conversation, inbound)
        case InboundReport():
            _report(conversation, inbound)


def _edit(conversation: Conversation, inbound: InboundEdit, text: str) -> None:
    """The words as they read now; nothing is answered again."""
    message = _said(conversation, inbound.external_id)
    if message is None or message.text == text:
        return
    message.text = text
    message.save(update_fields=["text"])
    _show(conversation, message)


def _delete(conversation: Conversation, inbound: InboundDeletion) -> None:
    message = _said(conversation, inbound.external_id)
    if message is None:
        return
    message.text = ""
    message.attachments = []
    if message.state == Message.State.WAITING:
        message.state, message.reason = Message.State.IGNORED, "deleted"
    message.save(update_fields=["text", "attachments", "state", "reason"])
    _show(conversation, message)


def _said(conversation: Conversation, external_id: str) -> Message | None:
    return conversation.messages.filter(external_id=external_id).first()


def _show(conversation: Conversation, message: Message) -> None:
    if not conversation.messages.filter(pk__gt=message.pk).exists():
        conversation.last_text = truncate(message.text, 200)
        conversation.save(update_fields=["last_text"])
    live.mark_changed(conversation)


def _rate(conversation: Conversation, inbound: InboundRating) -> None:
    try:
        reference = uuid.UUID(inbound.reference)
    except ValueError:
        return
    rows = conversation.deliveries.select_related("message").filter(uuid=reference)
    part = rows.first()
    if part is not None and part.message is not None:
        reply_rated.send(
            sender=Message, message=part.message, is_helpful=inbound.is_helpful
        )


def _report(conversation: Conversation, inbound: InboundReport) -> None:
    rows = conversation.deliveries.filter(external_id=inbound.external_id)
    part = rows.first()
    if part is None:
        if conversation.deliveries.filter(state=Delivery.State.SENDING).exists():
            raise TooEarly("A report came before its delivery was recorded.")
        return
    if inbound.state == "failed":
        _fail(part, inbound)
    elif part.state in _ORDER:
        state = Delivery.State(inbound.state)
        if _ORDER.index(state) > _ORDER.index(Delivery.State(part.state)):
            part.state = state
            part.save(update_fields=["state"])


def is_our_own(conversation: Conversation, external_id: str, text: str) -> bool:
    """Whether words that came back are ours. The caller holds the lock.

    They may come before the call that sent them has returned: then their text tells,
    and what was uncertain is known to have arrived.
    """
    parts = conversation.deliveries.order_by("id")
    if parts.filter(external_id=external_id).exists():
        return True
    text = clean_text(text).strip()
    for part in parts.filter(state__in=_UNNAMED):
        if part.text.strip() == text:
            if part.state == Delivery.State.UNCERTAIN:
                _arrive(part, external_id)
            return True
    return False


def _fail(part: Delivery, inbound: InboundReport) -> None:
    """The provider took it and says later that it failed; a person is called."""
    part.state, part.error = Delivery.State.FAILED, clean_text(inbound.error)[:300]
    part.save(update_fields=["state", "error"])
    messages = [part.message_id] if part.message_id else []
    outcomes.settle_messages(messages)
    outcomes.call_person([part.conversation], messages)
    if inbound.is_late:
        outcomes.give_up_late([part.conversation])


def _arrive(part: Delivery, external_id: str) -> None:
    part.state, part.external_id = Delivery.State.SENT, external_id
    part.sent_at = timezone.now()
    part.save(update_fields=["state", "external_id", "sent_at"])
    outcomes.settle_messages([part.message_id] if part.message_id else [])
