"""Reading files and folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from knowledge.importing.items import Item, Problem, UnreadableSource
from knowledge.importing.readers import READERS, TABLES
from knowledge.parsers.sandbox import Parsers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

#: For people who choose a file.
ENDINGS = ", ".join(sorted(READERS))


def read(path: Path, name: str = "") -> Iterator[Item | Problem]:
    """The entries of a file or folder, lazily; raises `UnreadableSource`.

    `name` is how to speak of a file that has another name here.
    """
    if path.is_dir():
        pages = [(each, each.relative_to(path).as_posix()) for each in _pages(path)]
        return unique(_read_all(pages))
    if not path.exists():
        raise UnreadableSource(f"There is no file or folder {path}.")
    if path.suffix.lower() not in READERS:
        raise UnreadableSource(
            f"{path} is neither a folder nor of a kind that can be read: {ENDINGS}."
        )
    return unique(_read_all([(path, name or path.name)]))


def unique(items: Iterable[Item | Problem]) -> Iterator[Item | Problem]:
    """Of entries with one id the first; the others are problems."""
    seen: dict[str, str] = {}
    for item in items:
        if isinstance(item, Problem):
            yield item
        elif item.external_id in seen:
            first = seen[item.external_id]
            yield Problem(
                item.source, f"the id “{item.external_id}” stands in {first} already"
            )
        else:
            seen[item.external_id] = item.source
            yield item


def _read_all(files: Iterable[tuple[Path, str]]) -> Iterator[Item | Problem]:
    with Parsers() as parsers:
        for path, where in files:
            yield from READERS[path.suffix.lower()](path, where, parsers)


def _pages(folder: Path) -> list[Path]:
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in READERS.keys() - TABLES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    if not found:
        raise UnreadableSource(
            f"There are no Markdown, HTML, PDF or Word files in {folder}."
        )
    return found
