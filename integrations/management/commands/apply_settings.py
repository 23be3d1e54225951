"""`manage.py apply_settings`: make what the environment configures."""

from __future__ import annotations

from typing import Any

from core.commands import OperatorCommand
from integrations import configured


class Command(OperatorCommand):
    """Makes the channels of the default account that the environment configures."""

    help = "Make the channels of the default account that the environment configures."

    def handle(self, *args: Any, **options: Any) -> None:
        for line in configured.apply():
            self.stdout.write(line)
