"""Adapters of channels, kept for a few seconds so that a webhook costs no query."""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict

from integrations.adapters.base import Adapter, ChannelFacts
from integrations.models import Channel

#: Seconds for which a change of a channel may go unnoticed.
TTL_S = 3.0
_MOST = 20_000


def facts_of(channel: Channel) -> ChannelFacts:
    """The channel as adapters see it."""
    return ChannelFacts(
        id=channel.pk,
        uuid=str(channel.uuid),
        account_id=channel.account_id,
        provider=channel.provider,
        key=channel.key,
        credentials=channel.credentials,
        is_active=channel.is_active,
        allowed_origins=tuple(channel.allowed_origins),
    )


def adapter_of(channel: Channel) -> Adapter:
    """The adapter that speaks for this channel."""
    return channel.adapter(facts_of(channel))


class AdapterCache:
    """Adapters by channel UUID; what does not exist is remembered too."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: OrderedDict[str, tuple[float, Adapter | None]] = OrderedDict()

    def peek(self, name: str) -> tuple[bool, Adapter | None]:
        """Whether it is known, and the adapter; no query."""
        row = self._rows.get(name)
        if row is None or row[0] < time.monotonic():
            return False, None
        return True, row[1]

    def load(self, name: str) -> Adapter | None:
        """The adapter from the database; None when there is no such active channel."""
        number = _uuid(name)
        channel = number and Channel.objects.active().filter(uuid=number).first()
        adapter = adapter_of(channel) if channel else None
        with self._lock:
            self._rows[name] = (time.monotonic() + TTL_S, adapter)
            self._rows.move_to_end(name)
            while len(self._rows) > _MOST:
                self._rows.popitem(last=False)
        return adapter

    def clear(self) -> None:
        """Forget everything, as after a channel was changed in this process."""
        with self._lock:
            self._rows.clear()


def _uuid(name: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(name)
    except ValueError:
        return None


cache = AdapterCache()
