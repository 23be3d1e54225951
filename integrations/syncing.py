"""Sync: what a provider holds and never told us comes in the way everything comes in."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.utils import timezone

from core import http
from integrations import adapters
from integrations.facts import adapter_of
from integrations.models import Channel, Event
from integrations.signals import things_arrived

if TYPE_CHECKING:
    from integrations.models import ChannelQuerySet

#: How far back the first look goes, and how much each one overlaps the one before.
FIRST: Final = dt.timedelta(days=1)
OVERLAP: Final = dt.timedelta(minutes=5)


def listable() -> ChannelQuerySet:
    """Active channels whose provider can say what it holds."""
    able = [key for key, each in adapters.REGISTRY.items() if each.can_list]
    return Channel.objects.active().filter(provider__in=able)


def sync(channel: Channel) -> int:
    """Take in what was missed; returns what was looked through. Raises `ProviderError`.

    What is known already is recognised where all arrivals are taken in.
    """
    started = timezone.now()
    adapter = adapter_of(channel)
    found = http.run(adapter.missed((channel.synced_at or started - FIRST) - OVERLAP))
    with transaction.atomic():
        if found:
            arrivals = [(adapter.channel, each) for each in found]
            things_arrived.send(sender=Event, arrivals=arrivals)
        Channel.objects.filter(pk=channel.pk).update(synced_at=started)
    return len(found)
