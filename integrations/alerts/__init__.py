"""The alert services, by key. A new one is one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integrations.alerts.base import Alert, AlertFacts, Waiting
from integrations.alerts.email import EmailAlertAdapter
from integrations.alerts.teams import TeamsAlertAdapter

if TYPE_CHECKING:
    from django.utils.functional import Promise

    from integrations.alerts.base import AlertAdapter

__all__ = ["REGISTRY", "Alert", "AlertFacts", "Waiting", "choices", "get"]

REGISTRY: dict[str, type[AlertAdapter]] = {
    "email": EmailAlertAdapter,
    "teams": TeamsAlertAdapter,
}


def get(key: str) -> type[AlertAdapter]:
    """The adapter class of a key; raises `KeyError`."""
    return REGISTRY[key]


def choices() -> list[tuple[str, str | Promise]]:
    """Keys with labels, for forms."""
    return [(key, adapter.label) for key, adapter in REGISTRY.items()]
