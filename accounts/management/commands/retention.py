"""`manage.py retention`: delete what was kept long enough, or say what would go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from accounts import keeping
from accounts.models import Account
from accounts.services import find_account
from core.commands import OperatorCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(OperatorCommand):
    """Does now what is done every night."""

    help = "Delete what accounts have kept for as long as they want."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", default="", metavar="NAME_OR_ID")
        parser.add_argument(
            "--dry-run", action="store_true", help="only count; change nothing"
        )
        parser.add_argument("--json", action="store_true", help="for scripts")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["account"]
        accounts = (
            [find_account(name)] if name else list(Account.objects.order_by("name"))
        )
        rows = []
        for account in accounts:
            days = keeping.days_of(keeping.retention_of(account))
            counts = keeping.forget_old(account, is_dry=options["dry_run"])
            rows += [
                {
                    "account": account.name,
                    "what": kind,
                    "after_days": days[kind],
                    "rows": count,
                    "deleted": not options["dry_run"],
                }
                for kind, count in counts.items()
            ]
        self.print_rows(rows, as_json=options["json"])
