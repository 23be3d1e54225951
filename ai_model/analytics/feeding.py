"""From rows to tallies: what is new since the last time, batch by batch.

Any number of processes may do it at once: they take turns, by the lock of the one row
that says how far it went, and whoever comes second finds nothing left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from django.db import transaction
from django.utils import timezone

from ai_model.analytics import horizon
from ai_model.analytics.sources import SOURCES, by_month, gather, merge
from ai_model.models import MonthTally, Tally, TallyFeed
from core import store

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ai_model.analytics.sources import Cell, Counts

#: Rows of each kind that one transaction counts; many at once are read in larger steps.
BATCH: Final = 250_000
#: Batches of one run; the next run goes on.
MOST_BATCHES: Final = 20
#: Tallies that one statement reads or writes.
_AT_ONCE: Final = 500

AnyTally = TypeVar("AnyTally", Tally, MonthTally)


def feed() -> int:
    """Count what is new; returns in how many batches."""
    with transaction.atomic():
        mark = hold()
        horizon.advance(mark)
        mark.fed_at = timezone.now()
        mark.save(update_fields=["bound", "pending", "fed_at"])
    for number in range(MOST_BATCHES):
        if not _feed_batch():
            return number
    return MOST_BATCHES


@transaction.atomic
def _feed_batch() -> bool:
    mark = hold()
    found = []
    for source in SOURCES:
        field = f"{source.name}_id"
        low = getattr(mark, field)
        high = min(low + BATCH, mark.bound.get(source.name, 0))
        if high > low:
            found.append(source.counted(source.rows.filter(pk__gt=low, pk__lte=high)))
            setattr(mark, field, high)
    if not found:
        return False
    add(gather(each for part in found for each in part))
    mark.save(update_fields=[f"{source.name}_id" for source in SOURCES])
    return True


def hold() -> TallyFeed:
    """The one row, locked until the transaction ends: nobody else counts meanwhile."""
    rows = TallyFeed.objects.select_for_update().filter(pk=1)
    found = rows.first()
    if found is None:
        TallyFeed.objects.get_or_create(pk=1)
        found = rows.get()
    return found


def add(cells: Mapping[Cell, Counts]) -> None:
    """Add counts to the tallies of days and months; the caller holds the lock."""
    _add_to(Tally, cells)
    _add_to(MonthTally, by_month(cells.items()))


def _add_to(model: type[AnyTally], cells: Mapping[Cell, Counts]) -> None:
    known = tallies(model, cells)
    for cell, counts in cells.items():
        amounts = known[cell].amounts
        merge(amounts, counts)
        known[cell].amounts = amounts
    write(known.values())


def tallies(model: type[AnyTally], cells: Iterable[Cell]) -> dict[Cell, AnyTally]:
    """The tallies of these cells; those that are missing are made, but not stored."""
    wanted = sorted(cells)
    found: dict[Cell, AnyTally] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        rows = model._default_manager.filter(
            account_id__in={account for account, _, _ in part},
            channel_id__in={channel for _, channel, _ in part},
            day__in={day for _, _, day in part},
        )
        found |= by_cell(rows)
    return {cell: found.get(cell) or _empty(model, cell) for cell in wanted}


def by_cell(rows: Iterable[AnyTally]) -> dict[Cell, AnyTally]:
    """Tallies by what they are of."""
    return {(row.account_id, row.channel_id, row.day): row for row in rows}


def _empty(model: type[AnyTally], cell: Cell) -> AnyTally:
    account, channel, day = cell
    return model(account_id=account, channel_id=channel, day=day)


def write(rows: Iterable[Tally | MonthTally]) -> None:
    """Store tallies of one model, new and known ones; those of nothing go."""
    new: list[Tally | MonthTally] = []
    known: list[Tally | MonthTally] = []
    for row in rows:
        if row.pk is None and row.amounts:
            new.append(row)
        elif row.amounts:
            known.append(row)
        elif row.pk is not None:
            row.delete()
    for start in range(0, len(new), _AT_ONCE):
        store.insert_rows(new[start : start + _AT_ONCE])
    for start in range(0, len(known), _AT_ONCE):
        store.update_rows(known[start : start + _AT_ONCE], ["counts", "groups"])
