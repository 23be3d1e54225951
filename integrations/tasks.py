"""Timed jobs of this app."""

from __future__ import annotations

import datetime as dt
import logging

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from core.exceptions import ProviderError
from integrations import breakage, following, syncing
from integrations.models import Desk, Event

logger = logging.getLogger(__name__)


@shared_task
def forget_old_events() -> None:
    """Delete raw events that were worked off long ago; failed ones stay."""
    age = dt.timedelta(days=settings.EVENT_RETENTION_DAYS)
    old = Event.objects.filter(received_at__lt=timezone.now() - age)
    old.filter(state__in=[Event.State.DONE, Event.State.IGNORED]).delete()


@shared_task
def poll_desks() -> None:
    """Look on each desk for changes that its webhook did not tell."""
    desks = Desk.objects.active().filter(followed_tickets__isnull=False).distinct()
    for key in desks.values_list("pk", flat=True):
        poll_desk.apply_async((key,), expires=3600)


@shared_task
def poll_desk(key: int) -> None:
    """Look on one desk; what cannot be asked now is asked next time."""
    desk = Desk.objects.active().filter(pk=key).first()
    if desk is None:
        return
    try:
        following.poll(desk)
    except ProviderError as exc:
        logger.warning("Desk %s could not be polled: %s", desk.uuid, exc.code)


@shared_task
def tell_of_broken_channels() -> None:
    """Tell owners of channels whose provider refuses us."""
    breakage.tell_owners()


@shared_task
def sync_channels() -> None:
    """Fetch what providers hold and did not tell us."""
    for key in syncing.listable().values_list("pk", flat=True):
        sync_channel.apply_async((key,), expires=1500)


@shared_task
def sync_channel(key: int) -> None:
    """Fetch it for one channel; what cannot be asked now is asked next time."""
    channel = syncing.listable().filter(pk=key).first()
    if channel is None:
        return
    try:
        syncing.sync(channel)
    except ProviderError as exc:
        logger.warning("Channel %s could not be synced: %s", channel.uuid, exc.code)
