"""`manage.py create_channel`: connect an account to a provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from accounts.services import find_account
from core.commands import OperatorCommand
from core.exceptions import InvalidPayload
from integrations import services

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(OperatorCommand):
    """Connects an account to a provider and prints where its webhook is."""

    help = "Connect an account to a provider."

    def add_arguments(self, parser: CommandParser) -> None:
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
            credentials=_pairs(options["set"]),
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


def _pairs(words: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            # Not the word itself: it may be a secret.
            raise InvalidPayload("--set takes KEY=VALUE, as in --set account_id=1.")
        if name in found:
            raise InvalidPayload(f"“{name}” was given twice.")
        found[name] = value
    return found
