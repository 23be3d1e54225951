"""Word documents: headings, paragraphs, lists and tables, as Markdown."""

from __future__ import annotations

import re
import zipfile
from io import BytesIO
from typing import TYPE_CHECKING

import docx
from docx.table import Table
from lxml.etree import LxmlError

from knowledge.parsers.base import MOST_TEXT, Page, Unreadable

if TYPE_CHECKING:
    from docx.document import Document
    from docx.text.paragraph import Paragraph

#: What a document may unpack to, and into how many parts.
MOST_BYTES = 200 * 1024 * 1024
MOST_PARTS = 5000

_OLD_OR_ENCRYPTED = b"\xd0\xcf\x11\xe0"
_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)


def parse(data: bytes) -> Page:
    """The document's text; raises `Unreadable`."""
    if data.startswith(_OLD_OR_ENCRYPTED):
        raise Unreadable(
            "it is encrypted, or of the old .doc kind; save it as .docx without a"
            " password"
        )
    try:
        _check(data)
        document = docx.Document(BytesIO(data))
        return _read(document)
    except (zipfile.BadZipFile, LxmlError, KeyError, ValueError, AttributeError) as exc:
        raise Unreadable(f"it is not a sound Word document: {exc}") from exc


def _check(data: bytes) -> None:
    """Refuse what would unpack to more than a document can be."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        parts = archive.infolist()
        if (
            len(parts) > MOST_PARTS
            or sum(part.file_size for part in parts) > MOST_BYTES
        ):
            raise Unreadable("it unpacks to more than a document can be")


def _read(document: Document) -> Page:
    title = (document.core_properties.title or "").strip()
    lines: list[str] = []
    length = 0
    for block in document.iter_inner_content():
        if isinstance(block, Table):
            text = _table(block)
        elif _style(block) == "title":
            title = block.text.strip() or title
            continue
        else:
            text = _paragraph(block)
        length += len(text)
        if length > MOST_TEXT:
            raise Unreadable(f"it has more than {MOST_TEXT} characters")
        lines.append(text)
    body = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    if not body:
        raise Unreadable("it holds no text")
    return Page(title, body, document.core_properties.language or "")


def _style(paragraph: Paragraph) -> str:
    style = paragraph.style
    return (style.name or "").lower() if style is not None else ""


def _paragraph(paragraph: Paragraph) -> str:
    text = paragraph.text.strip()
    if not text:
        return ""
    style = _style(paragraph)
    heading = _HEADING.match(style)
    if heading:
        return f"\n{'#' * int(heading[1])} {' '.join(text.split())}\n"
    if "list" in style:
        return f"- {text}"
    return f"{text}\n"


def _table(table: Table) -> str:
    rows = []
    for row in table.rows:
        cells = [" ".join(cell.text.split()).replace("|", "/") for cell in row.cells]
        rows.append(f"| {' | '.join(cells)} |")
    if len(rows) > 1:
        rows.insert(1, "|---" * len(table.columns) + "|")
    return "\n" + "\n".join(rows) + "\n"
