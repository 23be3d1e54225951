"""What the apps below tell this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.dispatch import receiver

from accounts.signals import rows_unwanted
from conversations import closing, intake
from integrations.signals import channel_disconnected, things_arrived

if TYPE_CHECKING:
    from accounts.models import Account
    from integrations.models import Channel


@receiver(things_arrived)
def receive_arrivals(arrivals: list[intake.Arrival], **_: Any) -> None:
    intake.receive(arrivals)


@receiver(channel_disconnected)
def close_conversations(channel: Channel, **_: Any) -> None:
    closing.close_all(channel)


@receiver(rows_unwanted)
def delete_conversations(account: Account, **_: Any) -> int:
    return closing.delete_batch(account)
