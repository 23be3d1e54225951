"""`manage.py recount_analytics`: compare the analytics with the rows, and mend them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from accounts.models import Account
from accounts.services import find_account
from ai_model.analytics import feeding, settling, spans
from ai_model.analytics.recounting import days_of, recount
from core.commands import OperatorCommand
from integrations.models import Channel

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    from ai_model.analytics.recounting import Difference


class Command(OperatorCommand):
    """Prints each number that the rows do not bear out; without any it prints one line."""

    help = "Recount the analytics from the rows, report differences and mend them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", metavar="NAME_OR_ID")
        parser.add_argument(
            "--since",
            type=dt.date.fromisoformat,
            metavar="DAY",
            help="leave out the days before, as 2026-11-01; rows of them may be deleted",
        )
        parser.add_argument(
            "--check",
            action="store_true",
            help="only report; exit code 1 if they differ",
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["account"]
        accounts = [find_account(name)] if name else Account.objects.order_by("pk")
        while feeding.feed() == feeding.MOST_BATCHES:
            pass
        settling.settle()
        rows = [
            self._row(account, each)
            for account in accounts
            for each in self._differences(account, options)
        ]
        self.print_rows(rows, as_json=options["json"])
        if not rows and not options["json"]:
            self.stdout.write("The analytics agree with the rows.")
        if rows and options["check"]:
            raise SystemExit(1)

    def _differences(
        self, account: Account, options: dict[str, Any]
    ) -> list[Difference]:
        span = days_of(account)
        if span is None:
            return []
        first, end = max(span[0], options["since"] or span[0]), span[1]
        found = []
        while first < end:
            # A month in each transaction, while nothing is counted.
            part = min(spans.next_month(first), end)
            found += recount(
                account=account, first=first, end=part, mends=not options["check"]
            )
            first = part
        return found

    def _row(self, account: Account, found: Difference) -> dict[str, Any]:
        return {
            "account": account.name,
            "channel": Channel.objects.get(pk=found.channel_id).name,
            "day": found.period,
            "figure": found.name,
            "stored": found.stored,
            "counted": found.counted,
        }
