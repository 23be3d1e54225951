"""What conversations tell this app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.dispatch import receiver

from conversations.signals import contacts_anonymised, reply_rated, words_forgotten
from feedback import services
from feedback.models import Feedback

if TYPE_CHECKING:
    from conversations.models import Message


@receiver(reply_rated)
def rate(message: Message, *, is_helpful: bool, **_: Any) -> None:
    services.rate_by_press(message=message, is_helpful=is_helpful)


@receiver(contacts_anonymised)
def forget_who_rated(conversations: list[int], **_: Any) -> None:
    Feedback.objects.filter(conversation__in=conversations).update(name="", email="")


@receiver(words_forgotten)
def forget_comments(conversations: list[int], **_: Any) -> None:
    Feedback.objects.filter(conversation__in=conversations).update(comment="")
