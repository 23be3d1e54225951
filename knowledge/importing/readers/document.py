"""HTML, PDF and Word files: a parser in another process reads each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from knowledge.importing.documents import items_of
from knowledge.importing.items import Item, Problem
from knowledge.importing.readers.naming import title_from
from knowledge.parsers.base import Unreadable
from knowledge.parsers.sandbox import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from knowledge.importing.readers import Reader
    from knowledge.parsers.sandbox import Parsers


def reader(kind: str) -> Reader:
    """What reads files of this kind."""

    def read(path: Path, where: str, parsers: Parsers) -> Iterator[Item | Problem]:
        try:
            with path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
            page = parsers.page(kind, data)
        except Unreadable as exc:
            yield Problem(where, str(exc))
        except OSError as exc:
            yield Problem(where, f"cannot be read: {exc.strerror}")
        else:
            yield from items_of(
                page, document=where, where=where, fallback_title=title_from(where)
            )

    return read
