"""`manage.py build_kommo_widget`: the archive that Kommo takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from accounts.services import find_account
from core.commands import OperatorCommand
from core.exceptions import InvalidPayload
from integrations.kommo import archive
from integrations.models import Channel

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(OperatorCommand):
    """Writes the widget of an account's Kommo channel."""

    help = "Write the archive of an account's Kommo widget."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", required=True)
        parser.add_argument("--output", default="answerdesk-kommo.zip", metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        account = find_account(options["account"])
        rows = Channel.objects.for_account(account).filter(provider="kommo")
        channel = rows.order_by("pk").first()
        if channel is None:
            raise InvalidPayload(f"{account} has no Kommo channel yet.")
        Path(options["output"]).write_bytes(archive.build(channel))
        self.stdout.write(
            f"Wrote {options['output']}; its bot calls {channel.webhook_path}"
        )
