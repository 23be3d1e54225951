"""Tells owners that a spending limit is nearly or wholly spent, once in its period."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext

from ai_model import spending
from ai_model.models import SpendingNotice
from ai_model.owners import write_to_owners

if TYPE_CHECKING:
    from ai_model.models import Assistant
    from ai_model.spending import Standing


def tell_owners() -> int:
    """Look at every limit; returns how many owners were due to be told.

    Runs twice without harm: whoever claims a notice first gives it.
    """
    spending.forget_expired()
    limited = {each.account_id: each for each in spending.limited()}
    return sum(
        _tell(limited[account_id], each)
        for account_id, found in spending.standings(limited.values()).items()
        for each in found
        if each.state != "ok"
    )


def _tell(assistant: Assistant, standing: Standing) -> int:
    row, _ = SpendingNotice.objects.get_or_create(
        account=assistant.account,
        period=standing.period,
        starts_on=standing.starts_on,
        unit=standing.unit,
        level=standing.state,
        amount=standing.limit,
        defaults={"spent": standing.spent},
    )
    untold = SpendingNotice.objects.filter(pk=row.pk, told_at=None)
    claimed = untold.update(told_at=timezone.now())
    if claimed:
        write_to_owners(
            assistant.account,
            _subject(row),
            "ai_model/spending_notice.txt",
            {
                "notice": row,
                "percent": f"{standing.share * 100:.0f}",
                "has_local": "local" in assistant.chain,
            },
        )
    return claimed


def _subject(row: SpendingNotice) -> str:
    if row.level == SpendingNotice.Level.REACHED:
        text = gettext("The spending limit of %(account)s is reached")
    else:
        text = gettext("The spending limit of %(account)s is nearly reached")
    return text % {"account": row.account}
