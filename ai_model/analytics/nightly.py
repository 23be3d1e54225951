"""What the daily task does: judge resolutions, and look whether yesterday is right."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Final

from django.utils import timezone

from accounts.models import Account
from ai_model.analytics import feeding, recounting, settling
from ai_model.models import Tally

logger = logging.getLogger(__name__)

#: Days before today that are compared with the rows.
_AUDITED: Final = 2


def run() -> int:
    """Do it; returns how many numbers had to be mended, which should be none."""
    feeding.feed()
    settling.settle()
    end = timezone.now().astimezone(dt.UTC).date()
    first = end - dt.timedelta(days=_AUDITED)
    busy = Tally.objects.filter(day__gte=first, day__lt=end).values("account_id")
    count = 0
    for account in Account.objects.filter(pk__in=busy).order_by("pk"):
        found = recounting.recount(account=account, first=first, end=end)
        if found:
            logger.warning("Mended %s numbers of account %s", len(found), account.pk)
        count += len(found)
    return count
