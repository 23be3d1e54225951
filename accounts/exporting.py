"""Lists of the administration as files: CSV for people, JSON for programs."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.core.serializers.json import DjangoJSONEncoder
from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import confirming, trail

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponseBase

    from accounts.scoped_admin import ScopedAdmin

#: Rows of one file; more are exported by filtering, part after part.
MOST_ROWS: Final = 100_000
#: Rows read at a time.
_CHUNK: Final = 2_000
#: What a spreadsheet would take for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

confirming.LABELS["export"] = _("Export as CSV or JSON")


@admin.action(
    description=confirming.LABELS["export"],
    permissions=["edit"],
)
def export(
    page: ScopedAdmin, request: HttpRequest, queryset: QuerySet[Any]
) -> HttpResponseBase:
    """A file of the selected rows, or of all that the list shows."""
    rows = page.exportable(request, queryset)
    count = rows.order_by()[: MOST_ROWS + 1].count()
    if request.POST.get("confirmed") not in _WRITERS:
        return _ask(page, request, queryset, count)
    kind = request.POST["confirmed"]
    _note(page, request, rows, kind, min(count, MOST_ROWS))
    names = page.export_fields
    values = rows.values_list(*names)[:MOST_ROWS].iterator(_CHUNK)
    name = f"{page.opts.model_name}-{timezone.localdate():%Y-%m-%d}.{kind}"
    content_type, write = _WRITERS[kind]
    return StreamingHttpResponse(
        write(names, values),
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def as_csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """A line of names, then a line for each row; nothing in it is a formula."""
    writer = csv.writer(_Echo())
    # Spreadsheets take a file without this mark for one of their country's.
    yield "\ufeff" + writer.writerow(names)
    for row in rows:
        yield writer.writerow([_cell(value) for value in row])


def as_json(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """A list of objects, one a line."""
    start = "[\n"
    for row in rows:
        made = dict(zip(names, row, strict=True))
        yield start + json.dumps(made, cls=DjangoJSONEncoder, ensure_ascii=False)
        start = ",\n"
    yield "[]\n" if start == "[\n" else "\n]\n"


_WRITERS: Final[dict[str, Any]] = {
    "csv": ("text/csv; charset=utf-8", as_csv),
    "json": ("application/json", as_json),
}


class _Echo:
    """Where a CSV writer writes: nowhere, it gives each line back."""

    def write(self, line: str) -> str:
        return line


def _cell(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        value = json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value.isoformat() if hasattr(value, "isoformat") else value


def _ask(
    page: ScopedAdmin, request: HttpRequest, queryset: QuerySet[Any], count: int
) -> HttpResponseBase:
    rows = list(queryset[: confirming.MOST_SHOWN])
    return confirming.ask(
        page,
        request,
        "export",
        rows,
        title=confirming.LABELS["export"],
        effect=_(
            "A file of these rows is made for you to keep. It holds what customers"
            " wrote; the export is noted on the audit trail."
        ),
        count=min(count, MOST_ROWS),
        template="admin/export.html",
        selected=request.POST.getlist("_selected_action"),
        is_all=request.POST.get("select_across") == "1",
        most=MOST_ROWS,
        is_cut=count > MOST_ROWS,
    )


def _note(
    page: ScopedAdmin, request: HttpRequest, rows: Any, kind: str, count: int
) -> None:
    way = getattr(page.model, "account_path", "account")
    key = f"{way}_id" if way else "pk"
    accounts = rows.order_by().values_list(key, flat=True).distinct()
    for account_id in accounts[:100]:
        trail.record(
            account_id=account_id,
            verb="export",
            model=page.model,
            subject=str(page.opts.verbose_name_plural),
            values={"count": [None, count], "format": [None, kind]},
        )
