"""`manage.py create_account`: add a business that is ready to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ai_model.services import set_up_account
from core.commands import OperatorCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(OperatorCommand):
    """Adds an account with owner, assistant, chat page and bearer token.

    It lives on the top floor because it sets up rows of all floors.
    """

    help = "Add an account with its owner, chat page and bearer token."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME")
        parser.add_argument("--username", required=True, help="the owner's user name")
        parser.add_argument("--password", default="", help="default: a random one")
        parser.add_argument(
            "--staff", action="store_true", help="the owner may open the admin"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        business = set_up_account(
            name=options["name"],
            username=options["username"],
            password=options["password"],
            is_staff=options["staff"],
        )
        (owner,) = business.people
        self.print_facts(
            {
                "account": str(business.account.uuid),
                "username": owner.user.username,
                "password": owner.password,
                "token": business.token,
                "channel": str(business.channel.uuid),
                "channel_key": business.channel.key,
            },
            as_json=options["json"],
        )
