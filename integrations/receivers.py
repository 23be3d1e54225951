"""What accounts tell this app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.dispatch import receiver

from accounts.signals import account_closing, rows_unwanted
from integrations import services

if TYPE_CHECKING:
    from accounts.models import Account


@receiver(account_closing)
def close_connections(account: Account, **_: Any) -> None:
    services.close_connections(account)


@receiver(rows_unwanted)
def delete_events(account: Account, **_: Any) -> int:
    return services.delete_events(account)
