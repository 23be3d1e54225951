"""One outbound call and its answer, as plain data.

httpx2's own objects cost three times what the socket does, mostly for headers that
nobody reads.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import httpx2

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Methods whose calls have a body, even an empty one.
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})


class Response(Protocol):
    """What both our answers and httpx2's can tell."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def content(self) -> bytes: ...
    @property
    def text(self) -> str: ...


@dataclass(slots=True)
class Call:
    """A request with its whole body."""

    method: str
    url: httpx2.URL
    headers: Mapping[str, str]
    body: bytes
    #: Seconds until a connection must stand.
    connect_s: float
    #: Whether it was written, so that it may have arrived.
    is_sent: bool = False

    def head(self) -> bytes:
        """Request line and headers; raises LocalProtocolError for a header of two lines."""
        lines = [f"{self.method} {self.url.raw_path.decode('ascii')} HTTP/1.1"]
        lines.append(f"Host: {self.url.netloc.decode('ascii')}")
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.body or self.method in _WITH_BODY:
            lines.append(f"Content-Length: {len(self.body)}")
        try:
            return joined([line.encode("ascii") for line in lines])
        except UnicodeEncodeError as exc:
            raise httpx2.LocalProtocolError("A header holds what none can.") from exc

    def as_request(self) -> httpx2.Request:
        """The same for a transport of httpx2."""
        return httpx2.Request(
            self.method,
            self.url,
            headers=dict(self.headers),
            content=self.body or None,
            extensions={"timeout": {"connect": self.connect_s}},
        )


def joined(lines: list[bytes]) -> bytes:
    """The head of a request; raises LocalProtocolError where one line would be two."""
    head = b"\r\n".join([*lines, b"", b""])
    breaks = len(lines) + 1
    if head.count(b"\n") != breaks or head.count(b"\r") != breaks or b"\0" in head:
        raise httpx2.LocalProtocolError("A header holds a line break.")
    return head


class AnswerTooLarge(httpx2.DecodingError):
    """The answer is larger than its caller wants to hold."""


class Answer:
    """A whole answer; its headers are read when somebody asks for them."""

    def __init__(
        self, status_code: int, raw_headers: Iterable[tuple[bytes, bytes]], body: bytes
    ) -> None:
        self.status_code = status_code
        self.raw_headers = raw_headers
        self.content = body

    @functools.cached_property
    def headers(self) -> httpx2.Headers:
        """By name, in any spelling."""
        return httpx2.Headers(list(self.raw_headers))

    @property
    def text(self) -> str:
        """The body as text, in the encoding that it names, else UTF-8."""
        whole = httpx2.Response(self.status_code, headers=self.headers)
        return self.content.decode(whole.encoding or "utf-8", errors="replace")

    def header(self, name: bytes) -> str:
        """One header by its name in small letters; empty where there is none."""
        for each, value in self.raw_headers:
            if each.lower() == name:
                return value.decode("latin-1")
        return ""
