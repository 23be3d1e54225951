"""Fetching pages: politely, one after the other, and only from the open internet."""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit, urlunsplit
from urllib.robotparser import RobotFileParser

from django.conf import settings

from core import http
from core.exceptions import ProviderError
from knowledge.parsers.sandbox import MOST_BYTES

if TYPE_CHECKING:
    from types import TracebackType

#: Who we are to `robots.txt`, and in the log of the server.
AGENT: Final = "Answerdesk"
TIMEOUT_S: Final = 30.0
MOST_REDIRECTS: Final = 5
#: The longest pause between two pages that a site gets by asking for one.
LONGEST_PAUSE_S: Final = 5.0

#: The parser of each kind of content; what is not here is not read.
KINDS: Final = {
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/xhtml+xml": "html",
    "text/html": "html",
}
_GONE: Final = frozenset({404, 410})


class PageGone(ProviderError):
    """The server says for certain that the page does not exist."""

    code = "page_gone"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came from an address."""

    content_type: str
    data: bytes


class Web:
    """The way to pages; keeps connections and each site's rules while it is open."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._rules: dict[str, RobotFileParser] = {}
        self._last = 0.0

    def __enter__(self) -> Self:
        self._runner.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._runner.run(http.aclose())
        self._runner.close()

    def get(self, url: str) -> Fetched:
        """What is at an address; raises `PageGone` or another `ProviderError`."""
        site = urlsplit(url).hostname or url
        response = self._runner.run(
            http.request(
                "GET",
                url,
                provider=site,
                headers={"User-Agent": _user_agent(), "Accept": "*/*"},
                timeout_s=TIMEOUT_S,
                max_bytes=MOST_BYTES,
                max_redirects=MOST_REDIRECTS,
                check=False,
            )
        )
        if response.status_code in _GONE:
            status = response.status_code
            raise PageGone(
                f"{site} says that it does not exist ({status}).",
                provider=site,
                status=status,
            )
        if response.status_code >= 300:
            raise http.error_from_response(response, provider=site)
        content_type, _, rest = response.headers.get("content-type", "").partition(";")
        return Fetched(
            content_type.strip().lower(), _as_utf8(response.content, content_type, rest)
        )

    def may_crawl(self, url: str) -> bool:
        """Whether the site's `robots.txt` lets us; waits as long as it asks us to.

        Raises `ProviderError` when the rules cannot be had: then nobody may crawl.
        """
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}"
        if site not in self._rules:
            self._rules[site] = self._read_rules(f"{site}/robots.txt")
        rules = self._rules[site]
        pause = min(float(rules.crawl_delay(AGENT) or 0), LONGEST_PAUSE_S)
        time.sleep(max(0.0, self._last + pause - time.monotonic()))
        self._last = time.monotonic()
        return rules.can_fetch(AGENT, url)

    def _read_rules(self, url: str) -> RobotFileParser:
        rules = RobotFileParser()
        try:
            text = self.get(url).data.decode("utf-8", "replace")
        except ProviderError as exc:
            if exc.status is None or exc.status == 429 or exc.status >= 500:
                raise
            # No rules, or none that we may read: everything is allowed.
            text = ""
        rules.parse(text.splitlines())
        return rules


def document_id(url: str) -> str:
    """The id of the entry of a page; the same page has the same one."""
    plain = urlunsplit(urlsplit(url)._replace(fragment=""))
    if len(plain) <= 120:
        return plain
    return f"{plain[:80]}…{hashlib.sha256(plain.encode()).hexdigest()[:32]}"


def is_same_site(url: str, other: str) -> bool:
    """Whether both addresses are of one site, with or without `www.`."""
    return _site(url) == _site(other)


def _site(url: str) -> str:
    return (urlsplit(url).hostname or "").removeprefix("www.")


def _user_agent() -> str:
    return f"{AGENT} (+{settings.PUBLIC_URL})" if settings.PUBLIC_URL else AGENT


def _as_utf8(data: bytes, content_type: str, rest: str) -> bytes:
    """A text in the encoding that its server names, as UTF-8; others as they are."""
    name = rest.partition("charset=")[2].split(";")[0].strip(" \"'").lower()
    if not content_type.strip().startswith("text/") or name in {"", "utf-8", "utf8"}:
        return data
    try:
        return data.decode(name).encode()
    except (LookupError, UnicodeError):
        return data
