"""`manage.py ai_control`: switch assistants on and off, look at them, test and mend."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from accounts.models import Account
from accounts.services import accounts_of
from ai_model import control
from ai_model.validation import validate
from conversations.reconcile import reconcile
from core import periodic
from core.commands import Error, OperatorCommand
from core.exceptions import ProviderError
from integrations import syncing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.core.management.base import CommandParser

_ACTIONS: Final = {
    "enable": "let assistants answer by themselves",
    "disable": "let people answer everything",
    "status": "who answers, with what",
    "test": "ask each configured provider something",
    "validate": "find what is configured wrongly",
    "sync": "mend what waits for nobody, and fetch what providers did not tell",
    "conversations": "count conversations by status",
}


class Command(OperatorCommand):
    """Each verb calls one service and prints what came of it."""

    help = "Control the assistants: " + "; ".join(
        f"{name}: {meaning}" for name, meaning in _ACTIONS.items()
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=sorted(_ACTIONS))
        parser.add_argument("--user", default="", help="only this user's accounts")
        parser.add_argument("--json", action="store_true", help="for scripts")

    def handle(self, *args: Any, **options: Any) -> None:
        user = options["user"]
        accounts = accounts_of(user) if user else list(Account.objects.order_by("name"))
        if not accounts:
            raise Error(
                f"The user “{user}” works for no account."
                if user
                else "There is no account yet; create_account adds one."
            )
        self._is_json = options["json"]
        getattr(self, f"_{options['action']}")(accounts)

    def _enable(self, accounts: Sequence[Account]) -> None:
        self._switch(accounts, is_on=True)

    def _disable(self, accounts: Sequence[Account]) -> None:
        self._switch(accounts, is_on=False)

    def _switch(self, accounts: Sequence[Account], *, is_on: bool) -> None:
        changed = {each.pk for each in control.switch(accounts, is_on=is_on)}
        self.print_rows(
            [
                {"account": each.name, "answers": is_on, "changed": each.pk in changed}
                for each in accounts
            ],
            as_json=self._is_json,
        )

    def _status(self, accounts: Sequence[Account]) -> None:
        rows = [control.status_of(each) for each in accounts]
        self.print_rows(rows, as_json=self._is_json)
        if late := periodic.overdue_words():
            self.stderr.write(late)

    def _conversations(self, accounts: Sequence[Account]) -> None:
        rows = [control.breakdown(each) for each in accounts]
        self.print_rows(rows, as_json=self._is_json)

    def _sync(self, accounts: Sequence[Account]) -> None:
        problems: list[str] = []
        rows = [self._synced(each, problems) for each in accounts]
        self.print_rows(rows, as_json=self._is_json)
        for each in [] if self._is_json else problems:
            self.stdout.write(each)

    def _synced(self, account: Account, problems: list[str]) -> dict[str, Any]:
        """What was mended in an account, and looked through at its providers."""
        looked = 0
        for channel in syncing.listable().filter(account=account):
            try:
                looked += syncing.sync(channel)
            except ProviderError as exc:
                problems.append(f"{account.name}, {channel.name}: {exc}")
        return {"account": account.name, "listed": looked, **asdict(reconcile(account))}

    def _test(self, accounts: Sequence[Account]) -> None:
        trials = control.try_models(control.models_in_use(accounts))
        rows = [each.as_dict() for each in trials]
        self.print_rows(rows, as_json=self._is_json)
        broken = sum(not each.works for each in trials)
        if broken:
            raise Error(f"{broken} of {len(trials)} do not work.")

    def _validate(self, accounts: Sequence[Account]) -> None:
        found = validate(accounts)
        if self._is_json:
            self.print_rows([each.as_dict() for each in found], as_json=True)
        for each in [] if self._is_json else found:
            where = each.account or "installation"
            self.stdout.write(f"{each.level:<8} {where}: {each.problem}")
            self.stdout.write(f"{'':<8} {each.mend}")
        errors = sum(each.level == "error" for each in found)
        if errors:
            raise Error(f"{errors} to mend.")
        if not found and not self._is_json:
            self.stdout.write("Nothing is wrong.")
