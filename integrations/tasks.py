"""Timed jobs of this app."""

from __future__ import annotations

import datetime as dt

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from integrations.models import Event


@shared_task
def forget_old_events() -> None:
    """Delete raw events that were worked off long ago; failed ones stay."""
    age = dt.timedelta(days=settings.EVENT_RETENTION_DAYS)
    old = Event.objects.filter(received_at__lt=timezone.now() - age)
    old.filter(state__in=[Event.State.DONE, Event.State.IGNORED]).delete()
