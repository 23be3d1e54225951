"""Reading a source on the web: a page, or the pages of a sitemap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from core.exceptions import ProviderError
from knowledge.importing.documents import items_of
from knowledge.importing.items import Item, Problem
from knowledge.importing.readers.naming import title_from
from knowledge.importing.web import KINDS, PageGone, Web, document_id, is_same_site
from knowledge.models import Source
from knowledge.parsers.base import Unreadable
from knowledge.parsers.sandbox import Parsers

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

#: Pages that one reading of a sitemap fetches, and sitemaps that it follows.
MOST_PAGES: Final = 500
MOST_SITEMAPS: Final = 50
#: Of more pages than this, half may go at once; more than half is a broken site.
_FEW: Final = 3


class Crawl:
    """One reading of a source on the web."""

    def __init__(self, source: Source, before_each: Callable[[], None]) -> None:
        self._source = source
        #: Called before each fetch; may raise to end it all.
        self._before_each = before_each
        #: The ids of pages that are listed, and of those that are gone for certain.
        self.listed: set[str] = set()
        self.gone: set[str] = set()
        #: Whether all that the sitemap lists is known; else nothing is missing from it.
        self.is_complete = True

    def items(self) -> Iterator[Item | Problem]:
        """The entries of its pages, one page after the other."""
        with Web() as web, Parsers() as parsers:
            if self._source.kind == Source.Kind.PAGE:
                pages = [self._source.address]
                self.listed = {document_id(self._source.address)}
            else:
                pages = yield from self._pages(web, parsers)
            for url in pages:
                self._before_each()
                yield from self._page(web, parsers, url)

    def missing(self, known: set[str]) -> set[str]:
        """Which of the known pages the source has lost."""
        absent = known - self.listed if self.is_complete else set()
        return absent | (known & self.gone)

    def is_plausible(self, missing: set[str], known: set[str]) -> bool:
        """Whether that many pages can have gone, and the site is not just broken."""
        if self._source.kind == Source.Kind.PAGE:
            return True
        return len(missing) <= max(_FEW, len(known) // 2)

    def _pages(self, web: Web, parsers: Parsers) -> Generator[Problem, None, list[str]]:
        """The addresses of the pages that the sitemap and its sub-sitemaps list."""
        waiting = [self._source.address]
        seen: set[str] = set()
        pages: dict[str, None] = {}
        while waiting and len(seen) < MOST_SITEMAPS:
            url = waiting.pop(0)
            if url in seen:
                continue
            seen.add(url)
            self._before_each()
            try:
                found = parsers.sitemap(web.get(url).data)
            except (ProviderError, Unreadable) as exc:
                self.is_complete = False
                yield Problem(url, str(exc))
                continue
            waiting += found.sitemaps
            pages |= dict.fromkeys(found.pages)
        if not pages:
            self.is_complete = False
            yield Problem(self._source.address, "it lists no pages")
        if waiting or len(pages) > MOST_PAGES:
            self.is_complete = False
            yield Problem(
                self._source.address,
                f"it lists more than {MOST_PAGES} pages or {MOST_SITEMAPS} sitemaps;"
                " the rest was not read",
            )
        self.listed = set(map(document_id, pages))
        return list(pages)[:MOST_PAGES]

    def _page(self, web: Web, parsers: Parsers, url: str) -> Iterator[Item | Problem]:
        try:
            why = self._refusal(web, url)
            if why:
                yield Problem(url, why)
                return
            fetched = web.get(url)
            kind = KINDS.get(fetched.content_type)
            if kind is None:
                named = fetched.content_type or "of no named type"
                yield Problem(url, f"it is {named}, which is not read")
                return
            page = parsers.page(kind, fetched.data)
        except PageGone as exc:
            self.gone.add(document_id(url))
            yield Problem(url, str(exc))
        except (ProviderError, Unreadable) as exc:
            yield Problem(url, str(exc))
        else:
            yield from items_of(
                page,
                document=document_id(url),
                where=url,
                fallback_title=title_from(unquote(urlsplit(url).path)) or url,
                entry_type=self._source.entry_type,
            )

    def _refusal(self, web: Web, url: str) -> str:
        """Why a page of a sitemap is not fetched; one that a person named always is."""
        if self._source.kind == Source.Kind.PAGE:
            return ""
        if not is_same_site(url, self._source.address):
            return "it is on another site than the sitemap"
        return "" if web.may_crawl(url) else "the site's robots.txt forbids it"
