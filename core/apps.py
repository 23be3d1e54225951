"""Start-up of what every app shares."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    """The shared package as an app, for its commands and checks."""

    name = "core"
    verbose_name = _("Installation")

    def ready(self) -> None:
        from core import checks, lookups, periodic

        # Importing them registers checks and lookups, and watches tasks.
        del checks, lookups, periodic
