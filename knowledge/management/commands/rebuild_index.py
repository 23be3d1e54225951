"""`manage.py rebuild_index`: make vectors and search indexes anew."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from accounts.models import Account
from accounts.services import find_account
from core.commands import OperatorCommand
from knowledge import embedders
from knowledge.rebuilding import Progress, rebuild

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(OperatorCommand):
    """Rebuilds one account or all, and says every second how far it is."""

    help = "Compute the vectors of knowledge again and have it indexed anew."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", metavar="NAME_OR_ID", help="only this one")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["account"]
        accounts = [find_account(name)] if name else Account.objects.order_by("name")
        encoder = embedders.current()
        for account in accounts:
            done = rebuild(account, encoder, _Watch(self, account.name))
            made = (
                f"{done.vectors} vectors of {done.entries} entries by {encoder.key}"
                if encoder
                else f"{done.entries_of} entries, found by words alone"
            )
            self.stdout.write(f"{account.name}: {made}")


class _Watch:
    """Writes every second how far an account is."""

    def __init__(self, command: OperatorCommand, name: str) -> None:
        self._command = command
        self._name = name
        self._due = time.monotonic() + 1

    def __call__(self, progress: Progress) -> None:
        if time.monotonic() >= self._due:
            self._command.stderr.write(
                f"{self._name}: {progress.entries} of {progress.entries_of} entries …",
                self._command.style.NOTICE,
            )
            self._due = time.monotonic() + 1
