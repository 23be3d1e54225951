"""The one place that says which rows belong to which account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.db import models

if TYPE_CHECKING:
    from accounts.models import Account, User

M = TypeVar("M", bound=models.Model)


class AccountQuerySet(models.QuerySet[M]):
    """A queryset over rows of accounts.

    The model names the way to its account in `account_path`; the default is a
    foreign key called `account`, and "" means that the row is the account.
    """

    def for_account(self, account: Account) -> Self:
        """Only the rows of this account."""
        return self.filter(**{self._path("pk"): account.pk})

    def for_user(self, user: User | AnonymousUser) -> Self:
        """The rows that a person may see: of their accounts, all for a superuser.

        Anybody who is not signed in, not active or no member sees nothing.
        """
        if isinstance(user, AnonymousUser) or not user.is_active:
            return self.none()
        if user.is_superuser:
            return self.all()
        return self.filter(**{self._path("memberships__user"): user})

    def _path(self, lookup: str) -> str:
        way = getattr(self.model, "account_path", "account")
        return f"{way}__{lookup}" if way else lookup


def account_id_of(row: Any) -> int:
    """The account that a row belongs to, along its model's `account_path`."""
    way = getattr(row, "account_path", "account")
    if not way:
        return int(row.pk)
    *steps, last = way.split("__")
    for step in steps:
        row = getattr(row, step)
    return int(getattr(row, f"{last}_id"))
