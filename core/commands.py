"""The base of commands for operators: one clear line when something is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from core import acting
from core.exceptions import AppError, InvalidPayload

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Error(CommandError):
    """What the operator reads; exit code 1."""


class OperatorCommand(BaseCommand):
    """A command whose mistakes end with one line on stderr and exit code 1."""

    # Their warnings are for whoever starts the service.
    requires_system_checks = ()

    def create_parser(
        self, prog_name: str, subcommand: str, **kwargs: Any
    ) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)

        def refuse(message: str) -> NoReturn:
            if parser.called_from_command_line:
                parser.exit(1, f"Error: {message}; see {parser.prog} --help\n")
            raise Error(message)

        parser.error = refuse  # type: ignore[method-assign]
        return parser

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command; raises `Error` for whatever an operator can put right."""
        try:
            with acting.as_command(type(self).__module__.rpartition(".")[2]):
                return super().execute(*args, **options)
        except AppError as exc:
            raise Error(str(exc)) from exc
        except ValidationError as exc:
            raise Error(" ".join(exc.messages)) from exc
        except ImproperlyConfigured as exc:
            raise Error(str(exc)) from exc
        except DatabaseError as exc:
            raise Error(
                f"The database cannot be used: {_first_line(exc)}."
                " Is it up, and has `manage.py migrate` been run?"
            ) from exc

    def add_connection(self, parser: CommandParser) -> None:
        """Take a provider, the account that is connected to it, and credentials."""
        parser.add_argument("provider", metavar="PROVIDER")
        parser.add_argument("--account", required=True, metavar="NAME_OR_ID")
        parser.add_argument(
            "--set",
            nargs="+",
            action="extend",
            default=[],
            metavar="KEY=VALUE",
            help="a credential of the provider; may be repeated",
        )

    def print_facts(self, facts: Mapping[str, Any], *, as_json: bool) -> None:
        """Print names and values, as one JSON object or as a table."""
        if as_json:
            self.stdout.write(json.dumps(dict(facts), ensure_ascii=False))
            return
        width = max(len(name) for name in facts)
        for name, value in facts.items():
            self.stdout.write(f"{name.replace('_', ' '):<{width}}  {value}")

    def print_rows(self, rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
        """Print rows of the same names, as one JSON list or as a table."""
        if as_json:
            self.stdout.write(
                json.dumps([dict(row) for row in rows], ensure_ascii=False)
            )
            return
        if not rows:
            return
        heads = [name.replace("_", " ") for name in rows[0]]
        lines = [heads, *([_shown(value) for value in row.values()] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            padded = (
                f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)
            )
            self.stdout.write("  ".join(padded).rstrip())


def _shown(value: Any) -> str:  # noqa: ANN401 (whatever a service tells)
    """A value as a person reads it in a table."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def pairs(option: str, words: Iterable[str]) -> dict[str, str]:
    """The names and values of `NAME=VALUE` words; raises `InvalidPayload`."""
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            # Not the word itself: it may be a secret.
            raise InvalidPayload(f"{option} takes KEY=VALUE, as in name=1.")
        if name in found:
            raise InvalidPayload(f"“{name}” was given twice.")
        found[name] = value
    return found


def _first_line(exc: Exception) -> str:
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0].rstrip(".")
