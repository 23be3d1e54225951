"""Webhooks of accounts: kept as the owners want them, whatever Kommo did to them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from core import http
from core.exceptions import ProviderError
from integrations.adapters.kommo import KommoAdapter
from integrations.facts import facts_of
from integrations.kommo import hooking
from integrations.models import Channel

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger(__name__)


def settle(row: Channel, kinds: Sequence[str]) -> None:
    """Have Kommo tell this channel these and nothing else; raises `ProviderError`."""
    facts = facts_of(row)
    address = hooking.destination(facts)
    http.run(hooking.settle(KommoAdapter(facts).api, address, list(kinds)))


def keep_all() -> int:
    """Connect anew what Kommo has switched off; returns how many were looked at.

    Kommo does so after many bad answers, and tells nobody.
    """
    rows = Channel.objects.active().filter(provider="kommo")
    wanting = [row for row in rows if hooking.wanted(row.settings)]
    for row in wanting:
        try:
            settle(row, hooking.wanted(row.settings))
        except ProviderError as exc:
            logger.warning("Webhook of %s could not be looked at: %s", row.uuid, exc)
    return len(wanting)


def drop(row: Channel) -> None:
    """Have Kommo tell this channel nothing any more, while it still listens to us."""
    if not hooking.wanted(row.settings):
        return
    try:
        settle(row, [])
    except ProviderError as exc:
        # What it tells finds a channel that is not in use.
        logger.info("Webhook of %s stays: %s", row.uuid, exc)
