"""Timed jobs of accounts; the schedule stands in the settings."""

from __future__ import annotations

from celery import shared_task

from accounts import closing


@shared_task
def delete_closed_accounts() -> None:
    """Go on deleting what accounts that are closing still have."""
    closing.go_on()
