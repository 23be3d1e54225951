"""Usage: what was used of models is counted, call by call, and summed."""

from __future__ import annotations

import contextlib
import datetime as dt
import operator
from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from ai_model import pricing, spending
from ai_model.metering import Meter
from ai_model.models import Reservation, Usage
from ai_model.writing import has_model
from core import store
from core.bundle import Bundle
from core.exceptions import AppError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.db.models import QuerySet

    from ai_model.metering import Call
    from ai_model.models import Assistant


class LimitReached(AppError):
    """An account may spend no more on models now."""

    code = "spending_limit"


def settle(meters: Iterable[Meter]) -> None:
    """Add the calls that were made to the day of their accounts.

    What was reserved for them is released in the same transaction.
    """
    with transaction.atomic():
        bundle = Bundle()
        add(meters, bundle)
        bundle.send()


def add(meters: Iterable[Meter], bundle: Bundle) -> None:
    """The same with other statements, in the caller's transaction."""
    meters = [each for each in meters if each.calls or each.holder]
    _count(meters, bundle)
    holders = [each.holder for each in meters if each.holder]
    if holders:
        Reservation.objects.filter(holder__in=holders).delete()


@contextlib.contextmanager
def counted(assistant: Assistant) -> Iterator[Meter]:
    """A meter for one call outside of turns, which is counted at the end.

    Raises `LimitReached` where a model is to be asked and no more may be spent.
    """
    if has_model(assistant) and spending.is_over(assistant):
        raise LimitReached(f"The spending limit of {assistant} is reached.")
    meter = Meter(assistant.account_id or 0)
    try:
        yield meter
    finally:
        settle([meter] if assistant.account_id and has_model(assistant) else [])


def count_encoding(
    account_id: int, provider: str, model: str, tokens: int, latency_ms: int
) -> None:
    """Add a call of an encoder to the day of an account."""
    meter = Meter(account_id)
    meter.encoded(provider, model, tokens, latency_ms)
    settle([meter])


def cost_of(calls: Iterable[Call]) -> Decimal | None:
    """What calls cost in dollars; None where a price is not known."""
    costs = [
        _cost(each)
        for each in calls
        if not each.has_failed and each.provider != "local"
    ]
    return None if None in costs else sum(filter(None, costs), Decimal(0))


def _cost(call: Call) -> Decimal | None:
    """By the model that answered, as its provider calls it, else the one asked for."""
    tokens = call.tokens_in, call.tokens_out
    found = pricing.cost(call.provider, call.model, *tokens)
    if found is None and call.asked:
        found = pricing.cost(call.provider, call.asked, *tokens)
    return found


#: What a row of Usage adds up.
_ADDED: Final = (
    "requests", "failures", "tokens_in", "tokens_out", "cost", "latency_ms",
)  # fmt: skip


def _count(meters: Iterable[Meter], bundle: Bundle) -> None:
    """Add calls to the rows of their account, day, provider, model and user."""
    sums: dict[tuple[int, str, str, str], list[Any]] = defaultdict(lambda: [0] * 6)
    for meter in meters:
        for call in meter.calls:
            model = call.model[:100]
            row = sums[meter.account_id, call.provider, model, meter.username]
            if call.has_failed:
                row[1] += 1
                continue
            amounts = (
                1, 0, call.tokens_in, call.tokens_out, _cost(call) or 0, call.latency_ms,
            )  # fmt: skip
            row[:] = map(operator.add, row, amounts)
    if not sums:
        return
    day = timezone.now().date()
    table = Usage._meta.db_table
    added = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in _ADDED)
    # In one order, so that two who count never wait for each other.
    rows = [
        Usage(
            account_id=account, day=day, provider=provider, model=model,
            username=username, **dict(zip(_ADDED, row, strict=True)),
        )
        for (account, provider, model, username), row in sorted(sums.items())
    ]  # fmt: skip
    bundle.execute(
        *store.insert_statement(
            rows,
            " ON CONFLICT (account_id, day, provider, model, username)"
            f" DO UPDATE SET {added}",
        )
    )


_SUMS: Final = {name: Sum(name) for name in _ADDED}


def first_day(days: int) -> dt.date:
    """The first of so many days of which today, in UTC, is the last."""
    return timezone.now().date() - dt.timedelta(days=days - 1)


def summed(
    rows: QuerySet[Usage], days: int, *, by: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """What was used in so many days: one sum for each value of these columns."""
    groups = rows.filter(day__gte=first_day(days)).order_by(*by).values(*by)
    return [_as_figures(each, by) for each in groups.annotate(**_SUMS)]


def total(rows: QuerySet[Usage], days: int) -> dict[str, Any]:
    """What was used in so many days, in all."""
    found = rows.filter(day__gte=first_day(days)).aggregate(**_SUMS)
    return _as_figures({name: value or 0 for name, value in found.items()}, ())


def _as_figures(row: dict[str, Any], by: Iterable[str]) -> dict[str, Any]:
    requests = row["requests"]
    return {
        **{name: row[name] for name in by},
        **{
            name: row[name]
            for name in ("requests", "failures", "tokens_in", "tokens_out")
        },
        "cost": row["cost"],
        "response_time_ms": round(row["latency_ms"] / requests) if requests else 0,
    }
