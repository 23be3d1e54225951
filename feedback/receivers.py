"""What the apps below tell this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.dispatch import receiver

from conversations.signals import reply_rated
from feedback import services

if TYPE_CHECKING:
    from conversations.models import Message


@receiver(reply_rated)
def rate(message: Message, *, is_helpful: bool, **_: Any) -> None:
    services.rate_by_press(message=message, is_helpful=is_helpful)
