"""Timed jobs of this app."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings

from core import imap
from escalation import incoming


@shared_task
def read_mailbox() -> dict[str, int] | None:
    """Take in what customers have answered to our e-mails."""
    if not settings.MAILBOX_URL:
        return None
    return dict(incoming.read_mailbox(imap.parse(settings.MAILBOX_URL)))
