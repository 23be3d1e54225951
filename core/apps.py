"""Start-up of what every app shares."""

from __future__ import annotations

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """The shared package as an app, for its commands and checks."""

    name = "core"

    def ready(self) -> None:
        from core import checks, tasks, work

        del checks
        work.announce_with(tasks.wake.delay)
