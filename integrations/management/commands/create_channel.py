"""`manage.py create_channel`: connect an account to a provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from accounts.services import find_account
from core.commands import OperatorCommand, pairs
from integrations import services

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
        channel = services.create_channel(
            account=find_account(options["account"]),
            provider=options["provider"],
            credentials=pairs("--set", options["set"]),
            name=options["name"],
            is_default=options["default"],
        )
        self.print_facts(
            {
                "channel": str(channel.uuid),
                "channel_key": channel.key,
                "webhook_path": channel.webhook_path,
            },
            as_json=options["json"],
        )
