"""What reads which kind of file. A new kind is a module here and a line below."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from knowledge.importing.items import Item, Problem
from knowledge.importing.readers import document, jsonl, markdown, table
from knowledge.parsers.sandbox import Parsers

#: Takes the file, the name by which to speak of it, and the parsers.
Reader = Callable[[Path, str, Parsers], Iterator[Item | Problem]]

#: By the ending of the file's name.
READERS: dict[str, Reader] = {
    ".csv": table.read,
    ".docx": document.reader("docx"),
    ".htm": document.reader("html"),
    ".html": document.reader("html"),
    ".jsonl": jsonl.read,
    ".markdown": markdown.read,
    ".md": markdown.read,
    ".ndjson": jsonl.read,
    ".pdf": document.reader("pdf"),
    ".tsv": table.read,
    ".xhtml": document.reader("html"),
}
#: Those that hold many entries; in a folder they are passed over.
TABLES = frozenset({".csv", ".jsonl", ".ndjson", ".tsv"})
