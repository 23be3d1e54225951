"""Closes conversations in which nobody has written for days."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.utils import timezone

from accounts.keeping import retention_of
from conversations import services, unfinished
from conversations.models import Conversation

if TYPE_CHECKING:
    from accounts.models import Account

#: Conversations that are looked at together.
BATCH: Final = 200


def close_inactive(account: Account) -> int:
    """Close what was quiet for as long as the account says; returns how many.

    Nothing that waits for an answer or for a person. Runs twice without harm.
    """
    days = retention_of(account).inactive_days
    if days is None:
        return 0
    before = timezone.now() - dt.timedelta(days=days)
    rows = unfinished.quiet(account, before).exclude(status=Conversation.Status.CLOSED)
    count, newest = 0, 0
    while True:
        found = rows.filter(pk__gt=newest).order_by("pk")
        keys = list(found.values_list("pk", flat=True)[:BATCH])
        if not keys:
            return count
        newest = keys[-1]
        for key in keys:
            with transaction.atomic():
                # Somebody may have written meanwhile: looked at anew, and locked.
                is_held = key in unfinished.held([key])
                row = None if is_held else rows.filter(pk=key).first()
                if row is not None:
                    services.close(conversation=row, reason="inactive")
                    count += 1
