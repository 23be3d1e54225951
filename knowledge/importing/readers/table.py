"""CSV: the first line names the columns."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from knowledge.importing.items import MAX_BODY, Item, Problem, UnreadableSource, item_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from knowledge.parsers.sandbox import Parsers


def read(path: Path, where: str, parsers: Parsers) -> Iterator[Item | Problem]:
    """The entries of a file, row by row; raises `UnreadableSource`."""
    csv.field_size_limit(2 * MAX_BODY)
    # Bytes that are not UTF-8 become surrogates, which are refused in their row.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        head = file.readline()
        file.seek(0)
        delimiter = max(",;\t", key=head.count)
        rows = csv.DictReader(file, delimiter=delimiter, strict=True)
        columns = {name.strip() for name in rows.fieldnames or () if name}
        missing = sorted({"title", "body"} - columns)
        if missing:
            raise UnreadableSource(
                f"{where} has no column {' and no column '.join(missing)};"
                " the first line must name the columns."
            )
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as exc:
                yield Problem(f"{where}:{rows.line_num}", f"not CSV: {exc}")
            else:
                yield _item(row, f"{where}:{rows.line_num}")


def _item(row: dict[str | Any, str | Any], where: str) -> Item | Problem:
    if None in row:
        return Problem(where, "more values than columns")
    data = {name.strip(): value for name, value in row.items() if value is not None}
    if any("\udc80" <= each <= "\udcff" for value in data.values() for each in value):
        return Problem(where, "not UTF-8")
    return item_of(data, where)
