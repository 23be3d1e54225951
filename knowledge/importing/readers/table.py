"""CSV: the first line names the columns."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from knowledge.importing.items import MAX_BODY, Item, Problem, item_of
from knowledge.importing.rows import csv_rows, is_utf8

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from knowledge.parsers.sandbox import Parsers


def read(path: Path, where: str, parsers: Parsers) -> Iterator[Item | Problem]:
    """The entries of a file, row by row; raises `UnreadableSource`."""
    csv.field_size_limit(2 * MAX_BODY)
    for row in csv_rows(path, where, needed=("title", "body")):
        if row.why:
            yield Problem(row.where, row.why)
        else:
            yield _item(row.data, row.where)


def _item(row: dict[str | Any, str | Any], where: str) -> Item | Problem:
    if None in row:
        return Problem(where, "more values than columns")
    data = {name.strip(): value for name, value in row.items() if value is not None}
    if not all(map(is_utf8, data.values())):
        return Problem(where, "not UTF-8")
    return item_of(data, where)
