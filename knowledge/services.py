"""What is done to entries many at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from knowledge.models import Entry, hold_knowledge, note_change

if TYPE_CHECKING:
    from collections.abc import Iterable


@transaction.atomic
def set_status(entries: Iterable[Entry], *, status: Entry.Status) -> int:
    """Publish, archive or unpublish entries; returns how many that changed."""
    rows = list(entries)
    accounts = sorted({each.account_id for each in rows})
    hold_knowledge(accounts)
    count = (
        Entry.objects.filter(pk__in=[each.pk for each in rows])
        .exclude(status=status)
        .update(status=status, gone_at=None, updated_at=timezone.now())
    )
    if count:
        for account_id in accounts:
            note_change(account_id)
    return count
