"""JSONL: one object a line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from knowledge.importing.items import Item, Problem, item_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from knowledge.parsers.sandbox import Parsers


def read(path: Path, where: str, parsers: Parsers) -> Iterator[Item | Problem]:
    """The entries of a file, line by line."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            place = f"{where}:{number}"
            line = line.removeprefix(b"\xef\xbb\xbf")
            if not line.strip():
                continue
            try:
                data = json.loads(line.decode())
            except UnicodeDecodeError:
                yield Problem(place, "not UTF-8")
            except (ValueError, RecursionError) as exc:
                yield Problem(place, f"not JSON: {exc}")
            else:
                yield item_of(data, place)
