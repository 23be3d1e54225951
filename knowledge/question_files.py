"""Reading earlier questions from files: JSONL (one object a line), or CSV."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from knowledge.importing.items import UnreadableSource
from knowledge.importing.rows import csv_rows, is_utf8, jsonl_rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CSV = {".csv", ".tsv"}
_JSONL = {".jsonl", ".ndjson"}
_NAMES = ("entry_id", "question")


@dataclass(frozen=True, slots=True)
class Line:
    """One question as it was read, or why it could not be."""

    #: File and line.
    where: str
    entry_id: str = ""
    question: str = ""
    #: Empty: nothing is wrong with it.
    why: str = ""


def read_questions(path: Path) -> Iterator[Line]:
    """The questions of a file, lazily; raises `UnreadableSource` and `OSError`."""
    suffix = path.suffix.lower()
    if suffix not in _CSV | _JSONL:
        raise UnreadableSource(f"{path} is not JSONL (.jsonl) or CSV (.csv).")
    if not path.is_file():
        raise UnreadableSource(f"There is no file {path}.")
    return _read_csv(path) if suffix in _CSV else _read_jsonl(path)


def _read_jsonl(path: Path) -> Iterator[Line]:
    for row in jsonl_rows(path, path.name):
        if row.why:
            yield Line(row.where, why=row.why)
        else:
            yield _line(row.data, row.where)


def _read_csv(path: Path) -> Iterator[Line]:
    for row in csv_rows(path, path.name, _NAMES):
        if row.why:
            yield Line(row.where, why=row.why)
        else:
            named = {(name or "").strip(): value for name, value in row.data.items()}
            yield _line(named, row.where)


def _line(data: Any, where: str) -> Line:
    if not isinstance(data, dict):
        return Line(where, why="not an object with names and values")
    values = []
    for name in _NAMES:
        value = data.get(name)
        if isinstance(value, int) and name == "entry_id":
            value = str(value)
        if not isinstance(value, str) or not value.strip():
            return Line(where, why=f"`{name}` is missing or not a text")
        if not is_utf8(value):
            return Line(where, why="not UTF-8")
        values.append(value.strip())
    return Line(where, *values)
