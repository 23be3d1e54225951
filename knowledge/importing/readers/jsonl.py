"""JSONL: one object a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from knowledge.importing.items import Item, Problem, item_of
from knowledge.importing.rows import jsonl_rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from knowledge.parsers.sandbox import Parsers


def read(path: Path, where: str, parsers: Parsers) -> Iterator[Item | Problem]:
    """The entries of a file, line by line."""
    for row in jsonl_rows(path, where):
        if row.why:
            yield Problem(row.where, row.why)
        else:
            yield item_of(row.data, row.where)
