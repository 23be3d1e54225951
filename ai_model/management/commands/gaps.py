"""`manage.py gaps`: what contacts ask that the knowledge does not answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from accounts.services import find_account
from ai_model.models import Gap
from core.commands import OperatorCommand
from core.text import truncate

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

#: Rows that are listed unless told otherwise.
MOST = 50


class Command(OperatorCommand):
    """Lists gaps that are neither closed nor dismissed, most frequent first."""

    help = "List the questions of an account that nobody answered."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", required=True, metavar="NAME_OR_ID")
        parser.add_argument("--limit", type=int, default=MOST, metavar="N")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        account = find_account(options["account"])
        rows: Any = Gap.objects.for_account(account).undecided().by_volume()
        found = rows.filter(volume__gt=0)[: max(0, options["limit"])]
        if options["json"]:
            facts = [_facts(gap) for gap in found.select_related("entry")]
            self.stdout.write(orjson.dumps(facts).decode())
            return
        for gap in found:
            state = gap.get_status_display()
            line = truncate(gap.question, 80)
            self.stdout.write(f"{gap.volume:>5}  {state:<14}  {line}")


def _facts(gap: Any) -> dict[str, Any]:
    return {
        "id": str(gap.uuid),
        "question": gap.question,
        "lang": gap.lang,
        "times": gap.volume,
        "status": gap.status,
        "entry_id": gap.entry.public_id if gap.entry else None,
        "first_asked": gap.first_seen_at.isoformat(),
        "last_asked": gap.last_seen_at.isoformat(),
    }
