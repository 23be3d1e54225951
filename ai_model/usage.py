"""Usage: calls of models that no turn made are counted, and what was used is summed."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.db.models import F, Sum
from django.utils import timezone

from ai_model.models import Usage
from ai_model.providers.models import cost

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet

    from ai_model.providers.base import Completion


@transaction.atomic
def count_call(
    *,
    account_id: int,
    completion: Completion | None,
    failures: tuple[tuple[str, str], ...],
    latency_ms: int,
) -> None:
    """Add a call, and those that failed before it, to the day of its account."""
    for provider, _code in failures:
        _add(account_id, provider, "", failures=1)
    if completion is None:
        return
    tokens = completion.tokens_in, completion.tokens_out
    _add(
        account_id,
        completion.provider,
        completion.model[:100],
        requests=1,
        tokens_in=tokens[0],
        tokens_out=tokens[1],
        cost=cost(completion.provider, completion.model, *tokens) or 0,
        latency_ms=latency_ms,
    )


#: What is summed, by its name in the public API.
_SUMS: Final = {
    name: Sum(name)
    for name in (
        "requests", "failures", "tokens_in", "tokens_out", "cost", "latency_ms",
    )
}  # fmt: skip


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


def _add(account_id: int, provider: str, model: str, **more: Any) -> None:
    row, _ = Usage.objects.get_or_create(
        account_id=account_id, day=timezone.now().date(), provider=provider, model=model
    )
    added = {name: F(name) + value for name, value in more.items()}
    Usage.objects.filter(pk=row.pk).update(**added)
