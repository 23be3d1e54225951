"""Markdown: a file is an entry, its front matter says more about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from knowledge.importing.items import Item, Problem, item_of
from knowledge.importing.readers.naming import title_from
from knowledge.models import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from knowledge.parsers.sandbox import Parsers

_FRONT_MATTER = re.compile(
    r"\A---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE
)
_HEADING = re.compile(r"\A\s*# +(.+?)[ #]*(?:\n|\Z)")


def read(path: Path, where: str, parsers: Parsers) -> Iterator[Item | Problem]:
    """The one entry of a file."""
    try:
        text = path.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        yield Problem(where, "not UTF-8")
    except OSError as exc:
        yield Problem(where, f"cannot be read: {exc.strerror}")
    else:
        yield item_of(values_of(text, where), where)


def values_of(text: str, where: str) -> dict[str, Any]:
    """The names and values of an entry that is written in Markdown."""
    facts: dict[str, Any] = {}
    if match := _FRONT_MATTER.match(text):
        facts = _front_matter(match[1])
        text = text[match.end() :]
    title = facts.get("title", "")
    if not title and (heading := _HEADING.match(text)):
        title = heading[1]
        text = text[heading.end() :]
    return {
        "entry_id": where,
        "title": title or title_from(where),
        "body": text,
        "entry_type": facts.get("type") or Entry.Type.ARTICLE,
        "lang": facts.get("lang", ""),
        "tags": facts.get("tags"),
        "status": facts.get("status"),
        "visibility": facts.get("visibility"),
    }


def _front_matter(text: str) -> dict[str, Any]:
    """The `name: value` lines, and lists of `- value`; other things are not ours."""
    facts: dict[str, Any] = {}
    name = ""
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("- ") and isinstance(facts.get(name), list):
            facts[name].append(_bare(stripped[2:]))
        elif line[:1].strip() and ":" in line:
            before, _, value = line.partition(":")
            name = before.strip().lower()
            facts[name] = _value(value.strip(), is_list=name == "tags")
    return facts


def _value(text: str, *, is_list: bool) -> str | list[str]:
    if not is_list:
        return _bare(text)
    inner = text.removeprefix("[").removesuffix("]")
    return [_bare(each) for each in inner.split(",") if each.strip()]


def _bare(text: str) -> str:
    return text.strip().strip("\"'")
