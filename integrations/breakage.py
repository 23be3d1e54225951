"""Channels whose provider refuses our credentials: kept, and told to the owners once."""

from __future__ import annotations

import uuid
from typing import Final

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext

from core import http, mail
from core.exceptions import ProviderError
from core.language import speaking
from core.text import truncate
from integrations.alerts import facts_of
from integrations.facts import cache
from integrations.models import Channel

#: Names the letter for good, with the channel and the moment at which it broke.
_LETTERS: Final = uuid.UUID("5f1c2f1e-3a57-4b39-9d0e-6f5a6b3f8c11")


@transaction.atomic
def note_refusal(channel: int, words: str) -> None:
    """Keep that the provider refuses us; the owners are told the first time."""
    rows = Channel.objects.filter(pk=channel, broken_at=None)
    if rows.update(broken_at=timezone.now(), error=truncate(words, 300), told_at=None):
        transaction.on_commit(cache.clear)


def note_success(channel: int) -> None:
    """The provider takes our calls again."""
    if (
        Channel.objects.filter(pk=channel)
        .exclude(error="")
        .update(error="", broken_at=None, told_at=None)
    ):
        cache.clear()


def tell_owners() -> int:
    """Write to the owners of broken channels that were not told; returns how many."""
    rows = Channel.objects.active().filter(broken_at__isnull=False, told_at=None)
    return sum(_tell(each) for each in rows.select_related("account"))


def _tell(channel: Channel) -> bool:
    """Whoever claims it first tells them; what cannot be sent is tried next time."""
    rows = Channel.objects.filter(pk=channel.pk)
    if not rows.filter(told_at=None).update(told_at=timezone.now()):
        return False
    owners = facts_of(channel.account).owner_emails
    if not owners or not mail.is_configured():
        return False
    try:
        with speaking(settings.LANGUAGE_CODE):
            letter = _letter(channel, owners)
        http.run(mail.send(letter))
    except ProviderError:
        rows.update(told_at=None)
        return False
    return True


def _letter(channel: Channel, owners: tuple[str, ...]) -> mail.Mail:
    context = {"channel": channel, "public_url": settings.PUBLIC_URL}
    return mail.Mail(
        reference=uuid.uuid5(_LETTERS, f"{channel.uuid} {channel.broken_at}"),
        to=owners,
        subject=gettext("%(channel)s does not work any more")
        % {"channel": channel.name},
        text=render_to_string("integrations/broken.txt", context),
        html=render_to_string("integrations/broken.html", context),
        sender_name="Answerdesk",
    )
