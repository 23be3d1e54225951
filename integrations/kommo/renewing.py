"""Tokens of idle channels are renewed before they end."""

from __future__ import annotations

import datetime as dt
from typing import Final

from django.utils import timezone

from core import http
from core.exceptions import CredentialsRefused, ProviderError
from integrations import breakage
from integrations.facts import facts_of
from integrations.kommo import grants
from integrations.models import Grant

#: A refresh token ends after three months in which nobody has used it.
IDLE: Final = dt.timedelta(days=6)


def renew_idle() -> int:
    """Renew what was not renewed for a week; returns how many were."""
    rows = Grant.objects.filter(
        renewed_at__lt=timezone.now() - IDLE, channel__is_active=True
    )
    return sum(_renew(each) for each in rows.select_related("channel"))


def _renew(grant: Grant) -> bool:
    channel = facts_of(grant.channel)
    host = channel.credentials.get("host", "")
    try:
        http.run(grants.renewed(channel, host, grant.tokens["access_token"]))
    except CredentialsRefused as exc:
        breakage.note_refusal(channel.id, str(exc))
        return False
    except ProviderError:
        return False  # the next run tries again
    return True
