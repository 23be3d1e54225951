"""The adapters, by provider key. A new provider is one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integrations.adapters.api import ApiAdapter
from integrations.adapters.chatwoot import ChatwootAdapter
from integrations.adapters.kommo import KommoAdapter
from integrations.adapters.web import WebAdapter

if TYPE_CHECKING:
    from integrations.adapters.base import Adapter

REGISTRY: dict[str, type[Adapter]] = {
    "api": ApiAdapter,
    "chatwoot": ChatwootAdapter,
    "kommo": KommoAdapter,
    "web": WebAdapter,
}


def get(provider: str) -> type[Adapter]:
    """The adapter class of a provider key; raises `KeyError`."""
    return REGISTRY[provider]


def choices() -> list[tuple[str, str]]:
    """Provider keys with labels, for forms."""
    return [(key, adapter.label) for key, adapter in REGISTRY.items()]
