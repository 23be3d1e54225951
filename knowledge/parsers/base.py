"""What parsers give."""

from __future__ import annotations

from dataclasses import dataclass

#: Longest text that a parser gives, in characters; more is cut by nobody but refused.
MOST_TEXT = 10_000_000


@dataclass(frozen=True, slots=True)
class Page:
    """One page or document."""

    title: str
    #: Markdown.
    body: str
    #: As the document names it; empty where it does not.
    lang: str = ""


@dataclass(frozen=True, slots=True)
class Sitemap:
    """The addresses that a sitemap lists."""

    pages: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()


class Unreadable(Exception):
    """Nothing can be read from it; `str()` says why."""
