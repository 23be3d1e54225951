"""What an adapter is given to send: a part, and what may be pressed under it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.utils.translation import gettext

from conversations.learning import is_answer
from conversations.models import Conversation, Delivery, Message
from core.language import speaking
from integrations.adapters.base import Outbound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from integrations.adapters.base import Adapter


def outbound_of(
    part: Delivery, adapter: Adapter, context: Mapping[str, Any]
) -> Outbound:
    """The part as its adapter takes it."""
    has_buttons = adapter.has_buttons and _is_last(part, adapter)
    return Outbound(
        kind=cast("Any", part.kind),
        reference=str(part.uuid),
        address=part.conversation.address,
        text=part.text,
        context=context or _names(part),
        hands_off=part.conversation.status == Conversation.Status.SUPPORT_ACTIVE,
        is_by_person=part.epoch is None,
        choices=_choices(part) if has_buttons else (),
        is_rateable=has_buttons and is_answer(cast("Message", part.message)),
    )


def _names(part: Delivery) -> dict[str, Any]:
    """Whom a template speaks to."""
    if part.kind != Delivery.Kind.TEMPLATE:
        return {}
    return {"name": part.conversation.contact.name}


def _is_last(part: Delivery, adapter: Adapter) -> bool:
    """Buttons stand under the end of what the assistant says."""
    message = part.message
    if message is None or message.author != Message.Author.ASSISTANT:
        return False
    return part.part + 1 == len(adapter.split(message.text, part.conversation.address))


def _choices(part: Delivery) -> tuple[str, ...]:
    """What answers the question whether a person or a ticket is wanted."""
    if not part.conversation.has_offer:
        return ()
    with speaking(part.conversation.lang):
        return gettext("Yes"), gettext("No")
