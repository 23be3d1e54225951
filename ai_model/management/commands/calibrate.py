"""`manage.py calibrate`: learn from an account's knowledge and judgements now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from accounts.services import find_account
from ai_model import calibration
from ai_model.models import Assistant
from core.commands import OperatorCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(OperatorCommand):
    """Calibrates an account and prints what came of it."""

    help = "Learn from an account's knowledge and judgements now."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", required=True, metavar="NAME_OR_ID")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        account = find_account(options["account"])
        row = calibration.calibrate(account=account)
        assistant = Assistant.objects.filter(account=account).first()
        assistant = assistant or Assistant(account=account)
        facts = {
            "account": str(account.uuid),
            "judged": row.judged,
            "wrong": row.wrong,
            "slope": row.slope,
            "offset": row.offset,
            "checked_slope": row.checked_slope,
            "checked_offset": row.checked_offset,
            "budget": row.budget,
            "is_proved": row.is_proved,
            "least_budget": row.least_budget,
            "threshold": assistant.effective_threshold,
        }
        self.print_facts(facts, as_json=options["json"])
