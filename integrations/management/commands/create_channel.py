"""`manage.py create_channel`: connect an account to a provider."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from accounts.services import find_account
from core.commands import OperatorCommand, pairs
from integrations import connecting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.core.management.base import CommandParser

    from integrations.adapters.base import Check


class Command(OperatorCommand):
    """Connects an account to a provider and prints where its webhook is and what it lacks."""

    help = "Connect an account to a provider."

    def add_arguments(self, parser: CommandParser) -> None:
        self.add_connection(parser)
        parser.add_argument("--name", default="", help="how staff know the channel")
        parser.add_argument(
            "--default",
            action="store_true",
            help="answer here where no channel is named",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        channel = connecting.create(
            account=find_account(options["account"]),
            provider=options["provider"],
            credentials=pairs("--set", options["set"]),
            name=options["name"],
            is_default=options["default"],
        )
        found = connecting.check(channel)
        facts: dict[str, Any] = {
            "channel": str(channel.uuid),
            "channel_key": channel.key,
            "webhook_path": channel.webhook_path,
        }
        if options["json"] and found:
            facts["checks"] = [asdict(each) for each in found]
        self.print_facts(facts, as_json=options["json"])
        if not options["json"]:
            self._print_checks(found)

    def _print_checks(self, found: Sequence[Check]) -> None:
        """What the connection needs, and how to mend what is missing."""
        for each in found:
            mark = "ok" if each.is_ok else "!!"
            hint = "" if each.is_ok or not each.hint else f" ({each.hint})"
            self.stdout.write(f"{mark}  {each.name}: {each.detail}{hint}")
