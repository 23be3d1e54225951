"""The rows of a JSONL or CSV file, each with its place."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from knowledge.importing.items import UnreadableSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileRow:
    """What one line holds, or why it cannot be read."""

    #: File and line.
    where: str
    data: Any = None
    #: Empty: nothing is wrong with it.
    why: str = ""


def jsonl_rows(path: Path, where: str) -> Iterator[FileRow]:
    """What each line of a file holds, whatever it is; empty lines are passed over."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            place = f"{where}:{number}"
            line = line.removeprefix(b"\xef\xbb\xbf")
            if not line.strip():
                continue
            try:
                data = json.loads(line.decode())
            except UnicodeDecodeError:
                yield FileRow(place, why="not UTF-8")
            except (ValueError, RecursionError) as exc:
                yield FileRow(place, why=f"not JSON: {exc}")
            else:
                yield FileRow(place, data)


def csv_rows(path: Path, where: str, needed: Iterable[str]) -> Iterator[FileRow]:
    """Values by column, whose names the first line holds.

    As the `csv` module gives them: more values than columns stand under None. Bytes
    that are not UTF-8 become surrogates. Raises `UnreadableSource` where a needed
    column is missing.
    """
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        head = file.readline()
        file.seek(0)
        rows = csv.DictReader(file, delimiter=max(",;\t", key=head.count), strict=True)
        columns = {name.strip() for name in rows.fieldnames or () if name}
        if missing := sorted(set(needed) - columns):
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
                yield FileRow(f"{where}:{rows.line_num}", why=f"not CSV: {exc}")
            else:
                yield FileRow(f"{where}:{rows.line_num}", row)


def is_utf8(text: str) -> bool:
    """Whether none of the text's bytes became surrogates."""
    return not any("\udc80" <= each <= "\udcff" for each in text)
