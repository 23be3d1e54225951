"""Analytics as a table in a file: one line for each day and channel."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING, Any, Final

from django.http import HttpResponse

from ai_model.analytics.reading import HEADLINE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from accounts.models import Account
    from ai_model.analytics.reading import Period, Row

#: Columns behind the headline and the reasons of handing over.
_SUMS: Final = (
    ("replies", "reply:count", 1),
    ("response_ms_sum", "reply:sum", 1),
    ("first_responses", "first:count", 1),
    ("first_response_ms_sum", "first:sum", 1_000),
    ("resolution_ms_sum", "resolution:sum", 1_000),
)
_REASON: Final = "handed_over:"
#: Spreadsheets take a text that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def response(account: Account, period: Period, rows: Sequence[Row]) -> HttpResponse:
    """The file, to be saved under a name that says which days it holds."""
    text = StringIO(newline="")
    csv.writer(text).writerows(table(account, rows))
    found = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    name = f"analytics-{period.first}-{period.last}.csv"
    found["Content-Disposition"] = f'attachment; filename="{name}"'
    return found


def table(account: Account, rows: Sequence[Row]) -> Iterator[list[Any]]:
    """The head and the lines; sums of times are in milliseconds."""
    channels = {
        each.pk: (each.provider, _harmless(each.name))
        for each in account.channels.defer("credentials")
    }
    seen = {name for _, _, counts in rows for name in counts}
    reasons = sorted(name for name in seen if name.startswith(_REASON))
    columns = [
        *((column, name, 1) for column, name in HEADLINE.items()),
        *((name.replace(":", "_"), name, 1) for name in reasons),
        *_SUMS,
    ]
    yield ["day", "channel", "name", *(column for column, _, _ in columns)]
    for day, channel, counts in rows:
        values = [counts.get(name, 0) // per for _, name, per in columns]
        yield [day, *channels[channel], *values]


def _harmless(text: str) -> str:
    """A text that a spreadsheet takes for one."""
    return f"'{text}" if text.startswith(_FORMULA) else text
