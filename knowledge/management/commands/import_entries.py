"""`manage.py import_entries`: load knowledge from files and from the web."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accounts.services import find_account
from core.commands import Error, OperatorCommand
from knowledge.importing import Report, import_entries, read
from knowledge.source_reading import Progress, read_source
from knowledge.sources import claimed_source

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    from accounts.models import Account


class Command(OperatorCommand):
    """Loads entries; says on stderr what could not be read, and goes on."""

    help = (
        "Load knowledge entries from a file (JSONL, CSV, Markdown, HTML, PDF, Word), a"
        " folder, a web page or a sitemap."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", metavar="PATH_OR_URL")
        parser.add_argument("--account", required=True, metavar="NAME_OR_ID")
        parser.add_argument(
            "--every",
            type=int,
            metavar="HOURS",
            help="of a web page or sitemap: read it again and again",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        account = find_account(options["account"])
        path = options["path"]
        if path.startswith(("http://", "https://")):
            report = self._read_web(account, path, options["every"])
        elif options["every"] is not None:
            raise Error("--every is for web pages and sitemaps.")
        else:
            report = self._read_files(account, Path(path))
        for note in report.notes:
            self.stderr.write(note)
        self.stdout.write(str(report))
        if report.problems:
            raise Error(f"{len(report.problems)} of {report.seen} were not imported.")

    def _read_files(self, account: Account, path: Path) -> Report:
        try:
            return import_entries(
                account=account, items=read(path), on_progress=_Shown(self)
            )
        except OSError as exc:
            raise Error(f"{path} cannot be read: {exc.strerror}.") from exc

    def _read_web(self, account: Account, url: str, every: int | None) -> Report:
        source = claimed_source(account=account, address=url, every_hours=every)
        shown = _Shown(self)
        report = read_source(source, Progress(source, on_report=shown))
        shown(report)
        return report


class _Shown:
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
