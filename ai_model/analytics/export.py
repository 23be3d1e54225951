"""Analytics as a table in a file: one line for each day and channel."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse

from ai_model.analytics.reading import headline, parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from accounts.models import Account
    from ai_model.analytics.reading import Period, Row
    from ai_model.analytics.sources import Counts

#: Spreadsheets take a text that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def response(account: Account, period: Period, rows: Sequence[Row]) -> HttpResponse:
    """The file, to be saved under a name that says which days it holds."""
    found = HttpResponse(content_type="text/csv; charset=utf-8")
    name = f"analytics-{period.first}-{period.last}.csv"
    found["Content-Disposition"] = f'attachment; filename="{name}"'
    csv.writer(found).writerows(table(account, rows))
    return found


def table(account: Account, rows: Sequence[Row]) -> Iterator[list[Any]]:
    """The head and the lines; sums of times are in milliseconds."""
    channels = {each.pk: each for each in account.channels.all()}
    reasons = sorted(
        {name for _, _, counts in rows for name in parts(counts, "handed_over")}
    )
    figures = [_figures(counts, reasons) for _, _, counts in rows]
    names = list(figures[0] if figures else _figures({}, reasons))
    yield ["day", "channel", "name", *names]
    for (day, key, _counts), values in zip(rows, figures, strict=True):
        channel = channels[key]
        yield [day, channel.provider, _harmless(channel.name), *values.values()]


def _figures(counts: Counts, reasons: Sequence[str]) -> dict[str, int]:
    return {
        **headline(counts),
        **{
            f"handed_over_{name}": counts.get(f"handed_over:{name}", 0)
            for name in reasons
        },
        "replies": _count(counts, "reply"),
        "response_ms_sum": counts.get("reply:sum", 0),
        "first_responses": _count(counts, "first"),
        "first_response_ms_sum": counts.get("first:sum", 0) // 1_000,
        "resolution_ms_sum": counts.get("resolution:sum", 0) // 1_000,
    }


def _count(counts: Counts, name: str) -> int:
    groups = parts(counts, name)
    return sum(amount for bound, amount in groups.items() if bound.isdecimal())


def _harmless(text: str) -> str:
    """A text that a spreadsheet takes for one."""
    return f"'{text}" if text.startswith(_FORMULA) else text
