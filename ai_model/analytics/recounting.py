"""Recount: what tallies should hold by the rows, where they differ, and mending it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Max, Min

from ai_model.analytics import feeding, settling, spans
from ai_model.analytics.sources import SOURCES, by_month, gather
from ai_model.models import MonthTally, Tally, Turn
from conversations.models import Conversation, Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from accounts.models import Account
    from ai_model.analytics.sources import Cell, Counts, Found
    from ai_model.models import TallyFeed


@dataclass(frozen=True, slots=True)
class Difference:
    """One number that the rows do not bear out."""

    channel_id: int
    #: `2026-03-31`, or a month: `2026-03`.
    period: str
    name: str
    stored: int
    counted: int


@transaction.atomic
def recount(
    *, account: Account | None, first: dt.date, end: dt.date, mends: bool = True
) -> list[Difference]:
    """Compare the days from `first` to before `end` with the rows; mend what differs.

    Then their months with the days. Of one account, or of all. Counts what has been fed so far, and nobody feeds meanwhile.
    """
    mark = feeding.hold()
    right = gather(_counted(account, first, end, mark))
    rows = Tally.objects.filter(**_of(account), day__gte=first, day__lt=end)
    found = _compare(Tally, rows, right, mends=mends)
    return found + _recount_months(account, first, end, mends=mends)


def _recount_months(
    account: Account | None, first: dt.date, end: dt.date, *, mends: bool
) -> list[Difference]:
    """Compare the months of these days with all their days, as they stand now."""
    months = sorted({day.replace(day=1) for day in spans.days_between(first, end)})
    after = spans.next_month(months[-1])
    span = {**_of(account), "day__gte": months[0], "day__lt": after}
    days = feeding.by_cell(Tally.objects.filter(**span))
    right = by_month((cell, row.amounts) for cell, row in days.items())
    return _compare(MonthTally, MonthTally.objects.filter(**span), right, mends=mends)


def _compare(
    model: type[feeding.AnyTally],
    rows: Iterable[feeding.AnyTally],
    right: Mapping[Cell, Counts],
    *,
    mends: bool,
) -> list[Difference]:
    known = feeding.by_cell(rows)
    known |= feeding.tallies(model, (cell for cell in right if cell not in known))
    wrong = []
    found: list[Difference] = []
    for cell, row in sorted(known.items()):
        amounts = right.get(cell, {})
        if row.amounts != amounts:
            found += _differences(row, amounts)
            row.amounts = amounts
            wrong.append(row)
    if mends:
        feeding.write(wrong)
    return found


def days_of(account: Account) -> tuple[dt.date, dt.date] | None:
    """The first day of which an account has something, and the one after the last."""
    tallied = Tally.objects.for_account(account).aggregate(a=Min("day"), b=Max("day"))
    days = [day for day in tallied.values() if day is not None]
    for model in (Conversation, Message, Turn):
        rows = model._default_manager.for_account(account)
        ends = rows.aggregate(a=Min("pk"), b=Max("pk"))
        times = rows.filter(pk__in=[key for key in ends.values() if key])
        for at in times.values_list("created_at", flat=True):
            days.append(at.astimezone(dt.UTC).date())
    return (min(days), max(days) + dt.timedelta(days=1)) if days else None


def _of(account: Account | None) -> dict[str, Any]:
    return {} if account is None else {"account": account}


def _counted(
    account: Account | None, first: dt.date, end: dt.date, mark: TallyFeed
) -> Iterator[Found]:
    for source in SOURCES:
        of_days = spans.within(
            first, end, time=source.time, key=source.key, model=source.key_model
        )
        fed = getattr(mark, f"{source.name}_id")
        rows = source.rows.filter(of_days, **_of(account), pk__lte=fed)
        yield from source.counted(rows)
    if mark.settled_until is not None:
        turns = Turn.objects.filter(**_of(account))
        settled = min(end, mark.settled_until)
        if first < settled:
            yield from settling.counted(turns, first, settled, known=mark.settled_until)


def _differences(row: Tally | MonthTally, right: Counts) -> Iterator[Difference]:
    period = str(row.day) if isinstance(row, Tally) else f"{row.day:%Y-%m}"
    stored = row.amounts
    for name in sorted(stored.keys() | right.keys()):
        before, after = stored.get(name, 0), right.get(name, 0)
        if before != after:
            yield Difference(row.channel_id, period, name, before, after)
