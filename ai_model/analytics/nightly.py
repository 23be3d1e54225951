"""What the daily task does: judge resolutions, and look whether yesterday is right."""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING, Final

from django.utils import timezone

from accounts.models import Account
from ai_model.analytics import feeding, recounting, settling

if TYPE_CHECKING:
    from collections.abc import Iterable

logger = logging.getLogger(__name__)

#: Nights in which each account is looked at once: counting all of yesterday again would
#: cost as much as it did to count it.
ROUND: Final = 28


def run() -> int:
    """Do it; returns how many numbers had to be mended, which should be none."""
    feeding.feed()
    settling.settle()
    end = timezone.now().astimezone(dt.UTC).date()
    accounts = Account.objects.order_by("pk")
    found = compare(
        (each for each in accounts if (each.pk + end.toordinal()) % ROUND == 0), end
    )
    if found:
        logger.warning("Mended %s numbers of analytics", len(found))
    return len(found)


def compare(accounts: Iterable[Account], end: dt.date) -> list[recounting.Difference]:
    """Compare the day before this one with the rows, and mend what differs."""
    first = end - dt.timedelta(days=1)
    return [
        each
        for account in accounts
        for each in recounting.recount(account=account, first=first, end=end)
    ]
