"""How long it is kept why something was answered so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accounts.keeping import Kind, nothing_is_held, register
from ai_model.models import Turn
from core import ageing

if TYPE_CHECKING:
    import datetime as dt

    from django.db.models import QuerySet

    from accounts.models import Account, Retention


def _old(account: Account, before: dt.datetime) -> QuerySet[Turn]:
    return ageing.older(Turn.objects.for_account(account), before)


def _forget(retention: Retention, keys: list[int]) -> None:
    Turn.objects.filter(pk__in=keys).delete()


# A turn repeats the customer's words.
register(Kind("turns", _old, nothing_is_held, _forget, follows=("messages",)))
