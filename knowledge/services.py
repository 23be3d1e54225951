"""What is done to entries many at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from knowledge.models import Entry, hold_knowledge, note_change

if TYPE_CHECKING:
    from collections.abc import Iterable

    from accounts.models import Account


#: Entries that are deleted at once, with their revisions, questions and vectors.
_BATCH = 200


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


def delete_entries(account: Account) -> int:
    """Delete some of an account's entries; returns how many."""
    keys = list(
        Entry.objects.filter(account=account)
        .order_by("pk")
        .values_list("pk", flat=True)[:_BATCH]
    )
    if keys:
        Entry.objects.filter(pk__in=keys).delete()
    return len(keys)
