"""Web pages: their words without menus, banners and footers."""

from __future__ import annotations

import re
from typing import Any

import trafilatura
from trafilatura.settings import use_config

from knowledge.parsers import outline
from knowledge.parsers.base import Page, Unreadable

# Help pages are short; from 250 characters on it takes menus in to have more.
_CONFIG = use_config()
_CONFIG.set("DEFAULT", "MIN_EXTRACTED_SIZE", "1")
#: Of a file that is only a part of a page.
_TAG = re.compile(r"<[a-z][a-z0-9]*[\s>/]", re.IGNORECASE)
_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset=["']?([\w-]{1,40})""", re.IGNORECASE)
_HEADING = re.compile(r"\A\s*# +(.+?)[ #]*(?:\n|\Z)")
#: Between a page's own title and the name of its site.
_BEFORE_SITE = re.compile(r"\s+[|–—·»-]\s+(?!.*\s[|–—·»-]\s)")


def parse(data: bytes) -> Page:
    """The page's main text, as Markdown; raises `Unreadable`."""
    text = _decoded(data)
    if "<html" not in text.lower() and _TAG.search(text):
        text = f"<html><body>{text}</body></html>"
    tree = trafilatura.load_html(text)
    if tree is None:
        raise Unreadable("it is not HTML")
    _name_folded(tree)
    named = _BEFORE_SITE.split(" ".join((tree.findtext(".//title") or "").split()))[0]
    body = _body(tree)
    if not body.strip():
        raise Unreadable("it holds no text; a script may write it in the browser")
    heading = _HEADING.match(body)
    if heading is None:
        return Page(named, body.strip(), tree.get("lang") or "")
    rest = body[heading.end() :].strip()
    return Page(_plain(heading[1]), rest or body, tree.get("lang") or "")


def _body(tree: Any) -> str:
    """The page's words; by their likelihood, unless that would lose headings.

    Lists of questions look unlikely: each has a few words, and links beside it.
    """
    part = outline.main_part(tree)
    wanted = outline.headings(part)
    whole = outline.markdown(part)
    found = trafilatura.extract(
        tree,
        output_format="markdown",
        include_comments=False,
        include_tables=True,
        favor_recall=True,
        config=_CONFIG,
    )
    kept = " ".join((found or "").replace("*", "").split())
    lost = sum(each not in kept for each in wanted)
    return whole if not found or lost * 4 > len(wanted) else found


def _name_folded(tree: Any) -> None:
    """Make headings of the buttons that unfold an answer; others are left out."""
    for button in tree.iter("button"):
        if button.get("aria-expanded") or button.get("aria-controls"):
            button.tag = "h3"


def _decoded(data: bytes) -> str:
    declared = _CHARSET.search(data[:4096])
    for encoding in ("utf-8-sig", declared[1].decode() if declared else ""):
        try:
            return data.decode(encoding)
        except (LookupError, UnicodeDecodeError):
            continue
    return str(trafilatura.utils.decode_file(data))


def _plain(heading: str) -> str:
    """A heading without Markdown's marks of emphasis and links."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("*", "").strip()
