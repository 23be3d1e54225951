"""Warns owners of models that will be switched off, at most once a week."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext

from ai_model.models import Assistant, ModelWarning
from ai_model.owners import write_to_owners
from ai_model.sunset import ending

if TYPE_CHECKING:
    from ai_model.sunset import Ending

#: A little less than a week, so that a weekly run is never a minute too early.
_PAUSE: Final = dt.timedelta(days=6)


def warn_owners() -> int:
    """Warn every account whose models end soon; returns how many warnings were due.

    Runs twice without harm: whoever claims a warning first gives it.
    """
    count = 0
    for assistant in Assistant.objects.select_related("account").iterator():
        found = ending(assistant)
        for each in found:
            count += _warn(assistant, each)
        _forget(assistant, found)
    return count


def _warn(assistant: Assistant, found: Ending) -> int:
    """Keep the warning and write to the owners, unless that was done of late."""
    now = timezone.now()
    row, _ = ModelWarning.objects.update_or_create(
        account=assistant.account,
        provider=found.provider,
        model=found.model,
        defaults={"retires_on": found.retires_on, "successor": found.successor},
    )
    is_due = Q(told_at=None) | Q(told_at__lt=now - _PAUSE)
    claimed = ModelWarning.objects.filter(is_due, pk=row.pk).update(told_at=now)
    if claimed:
        _write(row)
    return claimed


def _forget(assistant: Assistant, found: list[Ending]) -> None:
    """Drop the warnings about models that the account does not use any more."""
    names = [(each.provider, each.model) for each in found]
    for row in ModelWarning.objects.filter(account=assistant.account):
        if (row.provider, row.model) not in names:
            row.delete()


def _write(row: ModelWarning) -> None:
    write_to_owners(
        row.account,
        gettext("%(model)s will be switched off") % {"model": row.model},
        "ai_model/model_warning.txt",
        {"warning": row},
    )
