"""What the daily task does: judge resolutions, and look whether yesterday is right."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Final

from django.utils import timezone

from accounts.models import Account
from ai_model.analytics import feeding, recounting, settling

logger = logging.getLogger(__name__)

#: Nights in which each account is looked at once: counting all of yesterday again would
#: cost as much as it did to count it.
ROUND: Final = 28


def run() -> int:
    """Do it; returns how many numbers had to be mended, which should be none."""
    feeding.feed()
    settling.settle()
    end = timezone.now().astimezone(dt.UTC).date()
    first = end - dt.timedelta(days=1)
    found = [
        each
        for account in Account.objects.order_by("pk")
        if (account.pk + end.toordinal()) % ROUND == 0
        for each in recounting.recount(account=account, first=first, end=end)
    ]
    if found:
        logger.warning("Mended %s numbers of analytics", len(found))
    return len(found)
