"""Where escalations can go: the live desk, a ticket, and the alert services."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from integrations import alerts


class Destination(models.TextChoices):
    """Those that are no alert service."""

    #: It stands on the live desk under "Needs a person", and nowhere else.
    DESK = "desk", _("Live desk only")
    TICKET = "ticket", _("Ticket")


def choices() -> list[tuple[str, Any]]:
    """All of them with labels, for forms."""
    return [*Destination.choices, *alerts.choices()]
