"""Timed jobs of this app."""

from __future__ import annotations

from collections import Counter

from celery import shared_task

from accounts import keeping
from accounts.models import Account


@shared_task
def forget_old() -> dict[str, int]:
    """Delete what accounts have kept for as long as they want."""
    total: Counter[str] = Counter()
    for account in Account.objects.order_by("pk"):
        total.update(keeping.forget_old(account))
    return dict(total)
