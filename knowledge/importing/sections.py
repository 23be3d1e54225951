"""Long documents as several entries, one for each of their chapters.

A title is the strongest hint at what an entry answers. Sixty pages under one title have
none; their chapters do. Short documents stay whole, as their sections explain each other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.utils.text import slugify

#: Documents up to this many characters stay whole.
WHOLE = 8_000
#: A section shorter than this stays with the one before it.
SHORTEST = 200

_HEADING = re.compile(r"^(#{1,6}) +(\S.*?)[ #]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a document; the first one may have no heading."""

    heading: str
    #: Its name within the document; empty for the beginning, or for the whole.
    name: str
    body: str


def sections_of(body: str) -> list[Section]:
    """The chapters of a long text in Markdown; a short one, or one without, is whole."""
    marks = _chapter_marks(body)
    if len(body) <= WHOLE or len(marks) < 2:
        return [Section("", "", body)]
    begins = [0, *(mark.start() for mark in marks)]
    ends = [*begins[1:], len(body)]
    headings = ["", *(mark[2] for mark in marks)]
    names: dict[str, int] = {}
    found: list[Section] = []
    for begin, end, heading in zip(begins, ends, headings, strict=True):
        text = body[begin:end].strip()
        if not text:
            continue
        if found and len(text) < SHORTEST:
            last = found[-1]
            found[-1] = Section(last.heading, last.name, f"{last.body}\n\n{text}")
            continue
        # The beginning keeps the id that the whole would have.
        name = _name(heading, names) if found else ""
        found.append(Section(heading, name, text))
    return found


def _chapter_marks(body: str) -> list[re.Match[str]]:
    """The headings of the highest level that stands more than once."""
    found = list(_HEADING.finditer(body))
    for level in range(1, 7):
        marks = [mark for mark in found if len(mark[1]) == level]
        if len(marks) > 1:
            return marks
    return []


def _name(heading: str, names: dict[str, int]) -> str:
    name = slugify(heading, allow_unicode=True)[:60] or "section"
    names[name] = names.get(name, 0) + 1
    return name if names[name] == 1 else f"{name}-{names[name]}"
