"""Timed jobs of accounts; the schedule stands in the settings."""

from __future__ import annotations

from collections import Counter

from celery import shared_task

from accounts import closing, keeping
from accounts.models import Account


@shared_task
def forget_old() -> dict[str, int]:
    """Delete what accounts have kept for as long as they want."""
    total: Counter[str] = Counter()
    for account in Account.objects.order_by("pk"):
        total.update(keeping.forget_old(account))
    return dict(total)


@shared_task
def delete_closed_accounts() -> None:
    """Go on deleting what accounts that are closing still have."""
    closing.go_on()
