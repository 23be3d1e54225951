"""What the apps below tell this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.dispatch import receiver

from conversations.signals import contact_forgotten, reply_rated
from feedback import services
from feedback.models import Feedback

if TYPE_CHECKING:
    from conversations.models import Conversation, Message


@receiver(reply_rated)
def rate(message: Message, *, is_helpful: bool, **_: Any) -> None:
    services.rate_by_press(message=message, is_helpful=is_helpful)


@receiver(contact_forgotten)
def forget(conversations: list[Conversation], **_: Any) -> None:
    Feedback.objects.filter(conversation__in=conversations).update(
        comment="", name="", email=""
    )
