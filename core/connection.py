"""One HTTP/1.1 connection of `core/transport.py`, on asyncio and httptools."""

from __future__ import annotations

import asyncio
from typing import Final, cast

import httptools
import httpx2

_MAX_HEADER_BYTES: Final = 64 * 1024
#: A body that nobody reads is buffered up to here, then the socket is paused.
_MAX_UNREAD_BYTES: Final = 256 * 1024


class Connection(asyncio.Protocol):
    """One socket: a request goes out, its answer comes in, then the next."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._is_write_paused = False
        self.is_closed = False
        self.requests = 0
        self._reset()

    def _reset(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.reason = b""
        self.has_headers = False
        self.is_complete = False
        self._header_bytes = 0
        self._chunks: list[bytes] = []
        self._unread = 0
        self._is_read_paused = False
        self._has_length = False
        self._is_kept = False
        self._is_head = False
        self._error: httpx2.TransportError | None = None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if not self.requests or self.is_complete:
            self.close()  # nobody asked for this
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as exc:
            self._fail(httpx2.RemoteProtocolError(f"The answer is not HTTP: {exc}"))
        is_full = self._unread > _MAX_UNREAD_BYTES and not self._is_read_paused
        if is_full and not self.is_closed:
            self._is_read_paused = True
            self._transport.pause_reading()
        if self.has_headers:
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_closed = True
        if self.has_headers and not self._has_length and exc is None:
            self.is_complete = True  # a body without a length ends with the connection
        if not self.is_complete and self._error is None:
            self._error = httpx2.ReadError(
                "The connection was closed before the answer."
            )
        self._wake()

    def pause_writing(self) -> None:
        self._is_write_paused = True

    def resume_writing(self) -> None:
        self._is_write_paused = False
        self._wake()

    # httptools' callbacks

    def on_message_begin(self) -> None:
        if self.is_complete:
            raise httpx2.RemoteProtocolError("A second answer came for one request.")

    def on_status(self, reason: bytes) -> None:
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > _MAX_HEADER_BYTES:
            self._fail(httpx2.RemoteProtocolError("The answer's header is too large."))
            return
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            return  # an interim answer; the real one follows
        self.status = status
        self._has_length = status in {204, 304} or any(
            name.lower() in {b"content-length", b"transfer-encoding"}
            for name, _ in self.headers
        )
        self.has_headers = True
        self._is_kept = bool(self._parser.should_keep_alive())
        if self._is_head:
            self.is_complete = True
            self.close()

    def on_body(self, body: bytes) -> None:
        self._chunks.append(body)
        self._unread += len(body)

    def on_message_complete(self) -> None:
        if self.has_headers:
            self.is_complete = True
            return
        self.headers, self.reason = [], b""

    # what the transport uses

    async def exchange(
        self,
        head: bytes,
        body: bytes,
        *,
        is_head: bool,
        write_s: float | None = None,
        read_s: float | None = None,
    ) -> None:
        """Send a request and wait for the header of its answer."""
        if self.requests:
            self._reset()
        self.requests += 1
        self._is_head = is_head
        self._transport.write(head + body)
        while self._is_write_paused:
            await self._wait(write_s, httpx2.WriteTimeout)
        while not self.has_headers:
            await self._wait(read_s, httpx2.ReadTimeout)

    async def read(self, timeout_s: float | None = None) -> bytes:
        """The next part of the body; empty at its end."""
        while not self._chunks and not self.is_complete:
            await self._wait(timeout_s, httpx2.ReadTimeout)
        data = b"".join(self._chunks)
        self._chunks.clear()
        self._unread = 0
        if self._is_read_paused and not self.is_closed:
            self._is_read_paused = False
            self._transport.resume_reading()
        return data

    def can_be_reused(self) -> bool:
        """Whether the answer is complete and the server keeps the connection."""
        return (
            self.is_complete
            and not self.is_closed
            and not self._chunks
            and self._is_kept
        )

    def close(self) -> None:
        """Close now; what is unsent is dropped."""
        self.is_closed = True
        self._transport.abort()

    def _time_out(self, kind: type[httpx2.TransportError]) -> None:
        self._fail(kind("No answer came in time."))

    def _fail(self, error: httpx2.TransportError) -> None:
        self._error = self._error or error
        self.close()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(
        self, timeout_s: float | None, timed_out: type[httpx2.TransportError]
    ) -> None:
        """Wait until something happens on the socket; raise what went wrong."""
        if self._error is not None:
            raise self._error
        waiter = self._waiter = self._loop.create_future()
        timer = None
        if timeout_s is not None:
            timer = self._loop.call_later(timeout_s, self._time_out, timed_out)
        try:
            await waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()
        if self._error is not None and not self._chunks:
            raise self._error
