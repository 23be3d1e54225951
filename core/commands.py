"""The base of commands for operators: one clear line when something is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from core.exceptions import AppError

if TYPE_CHECKING:
    from collections.abc import Mapping


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

    def print_facts(self, facts: Mapping[str, Any], *, as_json: bool) -> None:
        """Print names and values, as one JSON object or as a table."""
        if as_json:
            self.stdout.write(json.dumps(dict(facts), ensure_ascii=False))
            return
        width = max(len(name) for name in facts)
        for name, value in facts.items():
            self.stdout.write(f"{name.replace('_', ' '):<{width}}  {value}")


def _first_line(exc: Exception) -> str:
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0].rstrip(".")
