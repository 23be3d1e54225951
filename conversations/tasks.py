"""Timed jobs of this app."""

from __future__ import annotations

from celery import shared_task

from accounts.models import Account
from conversations import inactivity, profiles


@shared_task
def close_inactive() -> dict[str, int]:
    """Close conversations in which nobody has written for days."""
    accounts = Account.objects.order_by("pk")
    return {"closed": sum(inactivity.close_inactive(each) for each in accounts)}


@shared_task
def refresh_profiles() -> dict[str, int]:
    """Ask providers who those are who have just written."""
    return {"contacts": profiles.refresh()}
