"""Entries from a page or document: one, or one for each chapter of a long one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.text import truncate
from knowledge.importing.items import Item, Problem, item_of
from knowledge.importing.sections import sections_of
from knowledge.models import Entry
from knowledge.text import detect_language

if TYPE_CHECKING:
    from collections.abc import Iterator

    from knowledge.parsers.base import Page

#: Characters by which the language of a document is told.
_ENOUGH = 4000


def items_of(
    page: Page,
    *,
    document: str,
    where: str,
    fallback_title: str,
    entry_type: str = Entry.Type.ARTICLE,
) -> Iterator[Item | Problem]:
    """The entries of one document; `document` is its id."""
    title = page.title or fallback_title
    lang = page.lang.replace("_", "-").partition("-")[0].lower()
    if not (lang.isalpha() and len(lang) in {2, 3}):
        lang = detect_language(f"{title}\n{page.body[:_ENOUGH]}")
    for section in sections_of(page.body):
        named = f"{title}: {section.heading}" if section.heading else title
        name = f"{document}#{section.name}" if section.name else document
        data = {
            "entry_id": name,
            "title": truncate(named, 500),
            "body": section.body,
            "entry_type": entry_type,
            "lang": lang,
        }
        yield item_of(data, where, document)
