"""`manage.py create_desk`: connect an account to a help desk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings

from accounts.services import find_account
from core.commands import OperatorCommand, pairs
from integrations import desk_setup
from integrations.views import SECRET_HEADER

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(OperatorCommand):
    """Tries the key, reads the desk's form and prints what the webhook needs."""

    help = "Connect an account to a help desk."

    def add_arguments(self, parser: CommandParser) -> None:
        self.add_connection(parser)
        parser.add_argument(
            "--value",
            nargs="+",
            action="extend",
            default=[],
            metavar="FIELD=VALUE",
            help="what goes into every ticket; may be repeated",
        )
        parser.add_argument(
            "--reference-field",
            default="",
            metavar="FIELD",
            help="the text field that holds our reference",
        )
        parser.add_argument("--name", default="", help="how staff know the desk")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        desk = desk_setup.new_desk(
            account=find_account(options["account"]),
            provider=options["provider"],
            credentials=pairs("--set", options["set"]),
            name=options["name"],
        )
        desk_setup.look(desk)
        desk_setup.set_values(
            desk,
            pairs("--value", options["value"]),
            reference_field=options["reference_field"],
        )
        desk.save()
        self.print_facts(
            {
                "desk": str(desk.uuid),
                "agent": desk.settings["agent"],
                "without_value": ", ".join(desk_setup.missing(desk)) or "nothing",
                "webhook_url": f"{settings.PUBLIC_URL}{desk.webhook_path}",
                "webhook_header": f"{SECRET_HEADER}: {desk.credentials['hook_secret']}",
            },
            as_json=options["json"],
        )
