"""`manage.py create_channel`: connect an account to a provider."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from accounts.services import find_account
from core.commands import OperatorCommand, pairs
from integrations import connecting

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(OperatorCommand):
    """Connects an account to a provider and prints where its webhook is."""

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
        checks = connecting.check(channel)
        facts: dict[str, Any] = {
            "channel": str(channel.uuid),
            "channel_key": channel.key,
            "webhook_path": channel.webhook_path,
        }
        if options["json"]:
            if checks:
                facts["checks"] = [asdict(each) for each in checks]
            self.print_facts(facts, as_json=True)
            return
        self.print_facts(facts, as_json=False)
        for each in checks:
            mark = "ok" if each.is_ok else "!!"
            hint = "" if each.is_ok else f" ({each.hint})"
            self.stdout.write(f"{mark}  {each.name}: {each.detail}{hint}")
