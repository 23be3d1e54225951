"""What the apps below tell this one."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from conversations import intake
from integrations.signals import things_arrived


@receiver(things_arrived)
def receive_arrivals(arrivals: list[intake.Arrival], **_: Any) -> None:
    intake.receive(arrivals)
