"""One entry as it was read, or what is wrong with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.utils.text import slugify

from core.exceptions import AppError
from core.text import clean_text
from knowledge.models import Entry

#: Longest text of one entry, in characters.
MAX_BODY = 1_000_000
#: Most tags of one entry, and the longest of them.
MAX_TAGS = 50
MAX_TAG = 100

_TEXTS = ("entry_id", "title", "body", "entry_type", "lang", "status", "visibility")
_LONGEST = {"title": 500, "body": MAX_BODY, "entry_id": 200, "lang": 12}
_NEEDED = ("title", "body", "entry_id")
_CHOICES: dict[str, list[str]] = {
    "entry_type": Entry.Type.values,
    "status": ["", *Entry.Status.values],
    "visibility": ["", *Entry.Visibility.values],
}


class UnreadableSource(AppError):
    """There is nothing at this place that could be read."""

    code = "unreadable_source"


@dataclass(frozen=True, slots=True)
class Item:
    """One entry as it was read."""

    external_id: str
    title: str
    body: str
    entry_type: str
    lang: str
    #: File and line, or address.
    source: str
    #: None, or empty: it says nothing of that, and a known entry keeps what it has.
    tags: tuple[str, ...] | None = None
    status: str = ""
    visibility: str = ""
    #: The id of the whole document, where this may be one of its sections.
    document: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be imported."""

    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


def item_of(data: Any, where: str, document: str = "") -> Item | Problem:
    """An entry from names and values, or what is wrong with them."""
    if not isinstance(data, dict):
        return Problem(where, "not an object with names and values")
    values: dict[str, str] = {}
    for name in _TEXTS:
        value = data.get(name)
        if value is None:
            value = ""
        elif isinstance(value, int) and name == "entry_id":
            value = str(value)
        if not isinstance(value, str):
            return Problem(where, f"`{name}` is not a text")
        values[name] = clean_text(value).strip()
    values["entry_type"] = values["entry_type"] or Entry.Type.FAQ
    # The same title gives the same id, so that importing again updates.
    values["entry_id"] = (
        values["entry_id"] or slugify(values["title"], allow_unicode=True)[:200]
    )
    tags = tags_of(data.get("tags"))
    why = tags if isinstance(tags, str) else _fault(values)
    if why or isinstance(tags, str):
        return Problem(where, why)
    return Item(
        external_id=values["entry_id"],
        title=values["title"],
        body=values["body"],
        entry_type=values["entry_type"],
        lang=values["lang"],
        source=where[:500],
        tags=tags,
        status=values["status"],
        visibility=values["visibility"],
        document=document,
    )


def tags_of(value: Any) -> tuple[str, ...] | None | str:
    """The tags of a list or of a text with commas; a text says what is wrong."""
    if value is None:
        return None
    if isinstance(value, str):
        value = re.split(r"[,;]", value)
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        return "`tags` is not a list of texts"
    tags = tuple(dict.fromkeys(filter(None, (clean_text(x).strip() for x in value))))
    if len(tags) > MAX_TAGS:
        return f"`tags` has more than {MAX_TAGS} tags"
    if any(len(tag) > MAX_TAG for tag in tags):
        return f"`tags` has a tag with more than {MAX_TAG} characters"
    return tags


def _fault(values: dict[str, str]) -> str:
    """What is wrong with the values of an entry, if anything."""
    for name, most in _LONGEST.items():
        if name in _NEEDED and not values[name]:
            return f"`{name}` is missing"
        if len(values[name]) > most:
            return f"`{name}` has more than {most} characters"
    for name, choices in _CHOICES.items():
        if values[name] not in choices:
            known = ", ".join(filter(None, choices))
            return f"`{name}` is “{values[name][:40]}”; it can be {known}"
    return ""
