"""The alert services, by key. A new one is one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integrations.alerts.base import Alert, AlertFacts, Waiting
from integrations.alerts.email import EmailAlertAdapter
from integrations.alerts.teams import TeamsAlertAdapter

if TYPE_CHECKING:
    from django.utils.functional import Promise

    from accounts.models import Account
    from integrations.alerts.base import AlertAdapter

__all__ = ["REGISTRY", "Alert", "AlertFacts", "Waiting", "choices", "facts_of", "get"]

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


def facts_of(account: Account) -> AlertFacts:
    """The account as alert services see it, whatever its owner has entered for one."""
    owners = account.memberships.filter(role="owner", user__is_active=True)
    emails = owners.exclude(user__email="").order_by("pk")
    return AlertFacts(
        account_id=account.pk,
        account_name=account.name,
        owner_emails=tuple(emails.values_list("user__email", flat=True)),
    )
