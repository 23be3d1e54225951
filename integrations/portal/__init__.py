"""The owner's pages, by provider key.

Every adapter and desk has pages of its own accord. A provider that needs more than
entering credentials has an entry here, and templates named after it.
"""

from __future__ import annotations

from typing import Any

from integrations import adapters, desks
from integrations.portal.base import ChannelPages, DeskPages, Pages
from integrations.portal.connected import ConnectedPages
from integrations.portal.freshdesk import FreshdeskPages
from integrations.portal.kommo import KommoPages
from integrations.portal.whatsapp import WhatsAppPages

REGISTRY: dict[str, type[Pages[Any]]] = {
    "freshdesk": FreshdeskPages,
    "kommo": KommoPages,
    "whatsapp": WhatsAppPages,
}


def get(provider: str) -> Pages[Any]:
    """The pages of a provider key; raises `KeyError`."""
    if provider in adapters.REGISTRY:
        connects = adapters.get(provider).connects
        plain = ConnectedPages if connects else ChannelPages
        return REGISTRY.get(provider, plain)(provider)
    desks.get(provider)
    return REGISTRY.get(provider, DeskPages)(provider)


def offered() -> list[Pages[Any]]:
    """The pages of all that an owner can connect, by their labels."""
    found = [get(key) for key in (*adapters.REGISTRY, *desks.REGISTRY)]
    return sorted(
        (each for each in found if each.is_offered), key=lambda each: each.label
    )
