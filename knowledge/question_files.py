"""Reading earlier questions from files: JSONL (one object a line), or CSV."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.exceptions import AppError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CSV = {".csv", ".tsv"}
_JSONL = {".jsonl", ".ndjson"}
_NAMES = ("entry_id", "question")


class UnreadableQuestions(AppError):
    """There is nothing at this path that questions could be read from."""

    code = "unreadable_source"


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
    """The questions of a file, lazily; raises `UnreadableQuestions` and `OSError`."""
    suffix = path.suffix.lower()
    if suffix not in _CSV | _JSONL:
        raise UnreadableQuestions(f"{path} is not JSONL (.jsonl) or CSV (.csv).")
    if not path.is_file():
        raise UnreadableQuestions(f"There is no file {path}.")
    return _read_csv(path) if suffix in _CSV else _read_jsonl(path)


def _read_jsonl(path: Path) -> Iterator[Line]:
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            where = f"{path.name}:{number}"
            raw = raw.removeprefix(b"\xef\xbb\xbf")
            if not raw.strip():
                continue
            try:
                data = json.loads(raw.decode())
            except UnicodeDecodeError:
                yield Line(where, why="not UTF-8")
            except (ValueError, RecursionError) as exc:
                yield Line(where, why=f"not JSON: {exc}")
            else:
                yield _line(data, where)


def _read_csv(path: Path) -> Iterator[Line]:
    # Bytes that are not UTF-8 become surrogates, which are refused in their row.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        head = file.readline()
        file.seek(0)
        rows = csv.DictReader(file, delimiter=max(",;\t", key=head.count), strict=True)
        columns = {name.strip() for name in rows.fieldnames or () if name}
        if missing := sorted(set(_NAMES) - columns):
            raise UnreadableQuestions(
                f"{path.name} has no column {' and no column '.join(missing)};"
                " the first line must name the columns."
            )
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as exc:
                yield Line(f"{path.name}:{rows.line_num}", why=f"not CSV: {exc}")
            else:
                named = {(name or "").strip(): value for name, value in row.items()}
                yield _line(named, f"{path.name}:{rows.line_num}")


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
        if any("\udc80" <= each <= "\udcff" for each in value):
            return Line(where, why="not UTF-8")
        values.append(value.strip())
    return Line(where, *values)
