"""What accounts tell this app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.dispatch import receiver

from accounts.signals import rows_unwanted
from knowledge import services

if TYPE_CHECKING:
    from accounts.models import Account


@receiver(rows_unwanted)
def delete_entries(account: Account, **_: Any) -> int:
    return services.delete_entries(account)
