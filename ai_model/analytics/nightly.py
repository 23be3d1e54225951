"""What the daily task does: judge resolutions, and look whether yesterday is right."""

from __future__ import annotations

import datetime as dt
import logging

from django.utils import timezone

from ai_model.analytics import feeding, recounting, settling

logger = logging.getLogger(__name__)


def run() -> int:
    """Do it; returns how many numbers had to be mended, which should be none."""
    feeding.feed()
    settling.settle()
    end = timezone.now().astimezone(dt.UTC).date()
    first = end - dt.timedelta(days=1)
    found = recounting.recount(account=None, first=first, end=end)
    if found:
        logger.warning("Mended %s numbers of analytics", len(found))
    return len(found)
