"""`manage.py import_examples`: load earlier questions with the entries they belong to."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accounts.services import find_account
from core.commands import Error, OperatorCommand
from knowledge.learning import add_examples
from knowledge.models import Example
from knowledge.question_files import read_questions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.management.base import CommandParser


class Command(OperatorCommand):
    """Loads questions; says on stderr what could not be taken in, and goes on."""

    help = "Load earlier questions of contacts, with the entries that answer them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH")
        parser.add_argument("--account", required=True, metavar="NAME_OR_ID")
        parser.add_argument(
            "--review",
            action="store_true",
            help="keep them back until somebody has approved them in the admin",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        account = find_account(options["account"])
        pairs = _Pairs(self, options["path"])
        status = Example.Status.APPROVED
        if options["review"]:
            status = Example.Status.PROPOSED
        try:
            learned = add_examples(
                account=account,
                items=pairs,
                origin=Example.Origin.IMPORTED,
                status=status,
            )
        except OSError as exc:
            raise Error(f"{options['path']} cannot be read: {exc.strerror}.") from exc
        for each in learned.problems:
            self.stderr.write(f"{pairs.places[each.place]}: {each.why}")
        failed = pairs.unreadable + len(learned.problems)
        self.stdout.write(
            f"added {learned.added}, known {learned.known}, failed {failed}"
        )
        if failed:
            raise Error(f"{failed} of {pairs.seen} were not imported.")


class _Pairs:
    """The readable questions of a file; says every second how far it is."""

    def __init__(self, command: OperatorCommand, path: Path) -> None:
        self._command = command
        self._path = path
        #: Where each of the questions that were given out stands.
        self.places: list[str] = []
        self.unreadable = 0
        self._due = time.monotonic() + 1

    @property
    def seen(self) -> int:
        """How many lines were dealt with, good and bad."""
        return len(self.places) + self.unreadable

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for line in read_questions(self._path):
            if line.why:
                self.unreadable += 1
                self._command.stderr.write(f"{line.where}: {line.why}")
            else:
                self.places.append(line.where)
                yield line.entry_id, line.question
            if time.monotonic() >= self._due:
                style = self._command.style.NOTICE
                self._command.stderr.write(f"{self.seen} questions …", style)
                self._due = time.monotonic() + 1
