"""`manage.py test_ai_setup`: everything that answers need, looked at in one go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asgiref.sync import async_to_sync

from accounts.models import Account
from ai_model import control, providers
from ai_model.validation import validate
from core import http
from core.commands import Error, OperatorCommand
from core.health import check_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.management.base import CommandParser

#: What makes the exit code 1.
_BAD = frozenset({"down", "failed", "error"})


class Command(OperatorCommand):
    """Services, providers and settings; a line for each."""

    help = "Check services, providers and the settings of all accounts."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="for scripts")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = list(_rows(list(Account.objects.order_by("name"))))
        self.print_rows(rows, as_json=options["json"])
        bad = sum(row["result"] in _BAD for row in rows)
        if bad:
            raise Error(f"{bad} of {len(rows)} checks failed.")


def _rows(accounts: list[Account]) -> Iterator[dict[str, str]]:
    # What takes long to load would let the first checks run out of time.
    providers.prepare()
    # On this thread's own connection to the database.
    for name, found in async_to_sync(_check_services)().items():
        yield _row("service", name, found["status"], found.get("detail", ""))
    for trial in control.try_models(control.models_in_use(accounts)):
        name = f"{trial.provider} {trial.model}"
        said = trial.error or f"{trial.latency_ms} ms, quota {trial.quota}"
        yield _row("provider", name, "works" if trial.works else "failed", said)
    if not accounts:
        yield _row("account", "none", "error", "create_account adds one.")
    for each in validate(accounts):
        where = each.account or "installation"
        yield _row("settings", where, each.level, f"{each.problem} {each.mend}")


async def _check_services() -> dict[str, Any]:
    try:
        found: dict[str, Any] = (await check_all())["services"]
        return found
    finally:
        await providers.aclose()
        await http.aclose()


def _row(check: str, name: str, result: str, detail: str) -> dict[str, str]:
    return {"check": check, "name": name, "result": result, "detail": detail}
