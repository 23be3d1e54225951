"""The desks, by provider key. A new one is one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integrations.desks.freshdesk import FreshdeskAdapter

if TYPE_CHECKING:
    from integrations.desks.base import DeskAdapter

REGISTRY: dict[str, type[DeskAdapter]] = {
    "freshdesk": FreshdeskAdapter,
}


def get(provider: str) -> type[DeskAdapter]:
    """The adapter class of a provider key; raises `KeyError`."""
    return REGISTRY[provider]


def choices() -> list[tuple[str, str]]:
    """Provider keys with labels, for forms."""
    return [(key, adapter.label) for key, adapter in REGISTRY.items()]
