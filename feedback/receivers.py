"""What conversations tell this app."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from conversations.signals import contacts_anonymised
from feedback.models import Feedback


@receiver(contacts_anonymised)
def forget_who_rated(conversations: list[int], **_: Any) -> None:
    Feedback.objects.filter(conversation__in=conversations).update(name="", email="")
