"""System checks: wrong settings show at start, with a hint."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

from core import imap
from core.fields import cipher


@register(Tags.security)
def encryption_keys_are_usable(**_: Any) -> list[CheckMessage]:
    try:
        cipher()
    except ImproperlyConfigured as exc:
        return [Error(str(exc), id="core.E001")]
    return []


@register()
def email_has_a_sender(**_: Any) -> list[CheckMessage]:
    sender = settings.DEFAULT_FROM_EMAIL
    if "@" in sender or not (settings.EMAIL_URL or settings.SENDER_PASSWORD):
        return []
    return [
        Error(
            "E-mail is configured, but not from which address it is sent.",
            hint="Set SENDER_EMAIL.",
            id="core.E002",
        )
    ]


@register()
def mailbox_has_an_address(**_: Any) -> list[CheckMessage]:
    if not settings.MAILBOX_URL:
        return []
    try:
        imap.parse(settings.MAILBOX_URL)
    except ValueError:
        hint = "Write imaps://user:password@host:993/INBOX."
        return [Error("MAILBOX_URL names no mailbox.", hint=hint, id="core.E003")]
    return []


@register()
def several_processes_share_a_broker(**_: Any) -> list[CheckMessage]:
    if settings.IS_SQLITE or settings.REDIS_URL:
        return []
    return [
        Warning(
            "PostgreSQL without REDIS_URL: live events and wake-ups stay inside one"
            " process.",
            hint="Set REDIS_URL, or run everything with `manage.py serve`.",
            id="core.W001",
        )
    ]
