"""Adapters of channels, kept for a few seconds so that a webhook costs no query."""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict
from typing import TYPE_CHECKING

from integrations.adapters.base import Adapter, ChannelFacts
from integrations.models import Channel

if TYPE_CHECKING:
    from collections.abc import Iterable

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
        error=channel.error,
        settings=channel.settings,
        allowed_origins=tuple(channel.allowed_origins),
        rate_limit=channel.rate_limit or _limit_of_account(channel),
        verifies_email=channel.verifies_email,
    )


def _limit_of_account(channel: Channel) -> str:
    """Empty where the account is not at hand: who counts calls has loaded it."""
    has_account = Channel._meta.get_field("account").is_cached(channel)
    return channel.account.rate_limit if has_account else ""


def adapter_of(channel: Channel) -> Adapter:
    """The adapter that speaks for this channel."""
    return channel.adapter(facts_of(channel))


class AdapterCache:
    """Adapters by channel UUID or id; what does not exist is remembered too."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: OrderedDict[str | int, tuple[float, Adapter | None]] = OrderedDict()

    def peek(self, name: str | int) -> tuple[bool, Adapter | None]:
        """Whether it is known, and the adapter; no query."""
        row = self._rows.get(name)
        if row is None or row[0] < time.monotonic():
            return False, None
        return True, row[1]

    def load(self, name: str) -> Adapter | None:
        """The adapter from the database, by UUID or `provider:account`; None when there is no such active channel."""
        channel = _find(name)
        adapter = adapter_of(channel) if channel else None
        self._keep(name, adapter)
        return adapter

    def of(self, channels: Iterable[int]) -> dict[int, Adapter]:
        """The adapters of channels by id, active or not; at most one query."""
        found: dict[int, Adapter] = {}
        missing: set[int] = set()
        for number in set(channels):
            adapter = self.peek(number)[1]
            if adapter is None:
                missing.add(number)
            else:
                found[number] = adapter
        if missing:
            rows = Channel.objects.select_related("account")
            for channel in rows.filter(pk__in=missing):
                found[channel.pk] = adapter_of(channel)
                self._keep(channel.pk, found[channel.pk])
        return found

    def _keep(self, name: str | int, adapter: Adapter | None) -> None:
        with self._lock:
            self._rows[name] = (time.monotonic() + TTL_S, adapter)
            self._rows.move_to_end(name)
            while len(self._rows) > _MOST:
                self._rows.popitem(last=False)

    def clear(self) -> None:
        """Forget everything, as after a channel was changed in this process."""
        with self._lock:
            self._rows.clear()


def _find(name: str) -> Channel | None:
    rows = Channel.objects.active()
    provider, _colon, account = name.partition(":")
    if account:
        return (
            rows.filter(provider=provider, external_id=account).order_by("id").first()
        )
    number = _uuid(name)
    return rows.filter(uuid=number).first() if number else None


def _uuid(name: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(name)
    except ValueError:
        return None


cache = AdapterCache()
