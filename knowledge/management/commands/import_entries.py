"""`manage.py import_entries`: load knowledge from files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accounts.services import find_account
from core.commands import Error, OperatorCommand
from knowledge.importing import Report, import_entries, read

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(OperatorCommand):
    """Loads entries; says on stderr what could not be read, and goes on."""

    help = "Load knowledge entries from JSONL, CSV or a folder of Markdown files."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH")
        parser.add_argument("--account", required=True, metavar="NAME_OR_ID")

    def handle(self, *args: Any, **options: Any) -> None:
        account = find_account(options["account"])
        try:
            report = import_entries(
                account=account,
                items=read(options["path"]),
                on_progress=_Progress(self),
            )
        except OSError as exc:
            raise Error(f"{options['path']} cannot be read: {exc.strerror}.") from exc
        self.stdout.write(str(report))
        if report.problems:
            raise Error(f"{len(report.problems)} of {report.seen} were not imported.")


class _Progress:
    """Writes problems as they come, and every second how far it is."""

    def __init__(self, command: OperatorCommand) -> None:
        self._command = command
        self._shown = 0
        self._due = time.monotonic() + 1

    def __call__(self, report: Report) -> None:
        for problem in report.problems[self._shown :]:
            self._command.stderr.write(str(problem))
        self._shown = len(report.problems)
        if time.monotonic() >= self._due:
            self._command.stderr.write(
                f"{report.seen} entries …", self._command.style.NOTICE
            )
            self._due = time.monotonic() + 1
