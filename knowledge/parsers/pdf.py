"""PDF: the text of its pages, with its bookmarks as headings."""

from __future__ import annotations

import re
from collections import Counter
from io import BytesIO
from typing import TYPE_CHECKING, Any

from pypdf import PdfReader
from pypdf.errors import DependencyError, PyPdfError

from knowledge.parsers.base import MOST_TEXT, Page, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable

#: More pages than this are not a document that somebody asks about.
MOST_PAGES = 3000

_NUMBERS = re.compile(r"\d+")
_BULLET = re.compile(r"[-*•‣◦▪·–]\s|\d{1,3}[.)]\s|#")
_SENTENCE_END = (".", "!", "?", ":", ";", "…", "。")
#: A line that is shorter was broken by its writer, not by the margin.
_FULL_LINE = 45


def parse(data: bytes) -> Page:
    """The document's text; raises `Unreadable`."""
    try:
        reader = PdfReader(BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable("it is encrypted; save it without a password")
        if len(reader.pages) > MOST_PAGES:
            raise Unreadable(f"it has more than {MOST_PAGES} pages")
        return _read(reader)
    except DependencyError as exc:
        raise Unreadable("it is encrypted in an unknown way") from exc
    except (PyPdfError, ValueError, KeyError, TypeError, IndexError) as exc:
        # A broken file makes the library stumble in many ways.
        raise Unreadable(f"it is not a sound PDF: {exc}") from exc


def _read(reader: PdfReader) -> Page:
    pages: list[list[str]] = []
    length = 0
    for page in reader.pages:
        text = page.extract_text()
        length += len(text)
        if length > MOST_TEXT:
            raise Unreadable(f"it has more than {MOST_TEXT} characters")
        pages.append([line.strip() for line in text.splitlines()])
    if not any(map(any, pages)):
        raise Unreadable("it holds no text; it looks scanned and needs OCR first")
    pages = _without_running_titles(pages)
    for number, heading in _bookmarks(reader):
        _mark(pages[number], heading)
    title = (reader.metadata.title if reader.metadata else "") or ""
    catalog: Any = reader.trailer["/Root"]
    lang = str(catalog.get("/Lang", ""))
    return Page(title.strip(), _joined(line for page in pages for line in page), lang)


def _bookmarks(reader: PdfReader) -> list[tuple[int, str]]:
    """Page and title of the outline's first level, in the order of the pages."""
    found = []
    for each in reader.outline:
        if isinstance(each, list):
            continue
        number = reader.get_destination_page_number(each)
        title = " ".join((each.title or "").split())
        if number is not None and number >= 0 and title:
            found.append((number, title))
    return sorted(found, key=lambda pair: pair[0])


def _mark(lines: list[str], heading: str) -> None:
    """Make a heading of the line that says it, or put it on top of the page."""
    place = next(
        (n for n, line in enumerate(lines) if line.casefold() == heading.casefold()),
        None,
    )
    if place is None:
        lines.insert(0, f"# {heading}")
    else:
        lines[place] = f"# {heading}"


def _without_running_titles(pages: list[list[str]]) -> list[list[str]]:
    """Drop first and last lines that most pages share, page numbers included."""
    edges = Counter(
        _NUMBERS.sub("0", lines[at])
        for lines in pages
        if len(lines) > 2
        for at in (0, -1)
    )
    often = max(3, len(pages) * 6 // 10)

    def is_running(line: str) -> bool:
        return edges[_NUMBERS.sub("0", line)] >= often

    return [
        [
            line
            for at, line in enumerate(lines)
            if not (at in (0, len(lines) - 1) and is_running(line))
        ]
        for lines in pages
    ]


def _joined(lines: Iterable[str]) -> str:
    """Paragraphs from lines that were broken at the margin."""
    parts: list[str] = []
    for line in lines:
        last = parts[-1] if parts else ""
        if last.startswith("# ") or line.startswith("# "):
            parts += ["", line]
        elif (
            line and last.endswith("-") and last[-2:-1].isalpha() and line[0].islower()
        ):
            parts[-1] = last[:-1] + line
        elif (
            line
            and len(last.rsplit("\n", 1)[-1]) >= _FULL_LINE
            and not last.endswith(_SENTENCE_END)
            and not _BULLET.match(line)
        ):
            parts[-1] = f"{last} {line}"
        else:
            parts.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).strip()
