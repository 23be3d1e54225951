"""Timed jobs of this app."""

from __future__ import annotations

import logging

from celery import shared_task

from core.exceptions import ProviderError
from integrations import adapters, breakage, connecting, following, syncing
from integrations.kommo import keeping, renewing
from integrations.models import Channel, Desk

logger = logging.getLogger(__name__)


@shared_task
def poll_desks() -> dict[str, int]:
    """Look on each desk for changes that its webhook did not tell."""
    desks = Desk.objects.active().filter(followed_tickets__isnull=False).distinct()
    keys = list(desks.values_list("pk", flat=True))
    for key in keys:
        poll_desk.apply_async((key,), expires=3600)
    return {"desks": len(keys)}


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
def renew_kommo_tokens() -> None:
    """Renew tokens that nobody has needed for a week."""
    renewing.renew_idle()


@shared_task
def keep_kommo_webhooks() -> dict[str, int]:
    """Switch on again what Kommo has switched off."""
    return {"webhooks": keeping.keep_all()}


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


@shared_task
def keep_channels() -> None:
    """Look whether each provider still sends its events to us."""
    able = [key for key, each in adapters.REGISTRY.items() if each.connects]
    channels = Channel.objects.active().filter(provider__in=able)
    for key in channels.values_list("pk", flat=True):
        keep_channel.apply_async((key,), expires=600)


@shared_task
def keep_channel(key: int) -> None:
    """Mend one channel's connection where somebody else took it."""
    channel = Channel.objects.active().filter(pk=key).first()
    if channel is None:
        return
    try:
        connecting.keep_connected(channel)
    except ProviderError as exc:
        logger.warning("Channel %s could not be asked: %s", channel.uuid, exc.code)
