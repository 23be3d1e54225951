"""A keep-alive HTTP/1.1 transport for httpx2 whose cost does not grow with the load.

httpx2's own pool looks at every connection whenever a request starts or ends: with
1,000 requests in flight that was 5.4 ms of CPU per request against 0.2 ms here
(`docs/explanation/outbound-http.md`). Only what this product calls is built: HTTP/1.1
over TCP or TLS, bodies sent whole, answers streamed; no proxies and no HTTP/2.
"""

from __future__ import annotations

import asyncio
import functools
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, cast
from weakref import WeakSet

import httptools
import httpx2

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

#: Gives the addresses to connect to for a host and port, best first.
Resolve = Callable[[str, int], Awaitable[list[str]]]

_MAX_HEADER_BYTES: Final = 64 * 1024
#: A body that nobody reads is buffered up to here, then the socket is paused.
_MAX_UNREAD_BYTES: Final = 256 * 1024
_NEXT_ADDRESS_AFTER_S: Final = 2.0
_PORTS: Final = {"http": 80, "https": 443}

_Origin = tuple[str, str, int]


@functools.cache
def tls_context() -> ssl.SSLContext:
    """The TLS settings of all connections; trust comes from the operating system."""
    context = httpx2.create_ssl_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


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
        if self._unread > _MAX_UNREAD_BYTES and not self._is_read_paused:
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
        timeouts: dict[str, float | None],
        *,
        is_head: bool,
    ) -> None:
        """Send a request and wait for the header of its answer."""
        if self.requests:
            self._reset()
        self.requests += 1
        self._is_head = is_head
        self._transport.write(head + body)
        while self._is_write_paused:
            await self._wait(timeouts.get("write"), httpx2.WriteTimeout)
        while not self.has_headers:
            await self._wait(timeouts.get("read"), httpx2.ReadTimeout)

    async def read(self, timeout_s: float | None) -> bytes:
        """The next part of the body; empty at its end."""
        while not self._chunks and not self.is_complete:
            await self._wait(timeout_s, httpx2.ReadTimeout)
        data = b"".join(self._chunks)
        self._chunks.clear()
        self._unread = 0
        if self._is_read_paused:
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


class _Body(httpx2.AsyncByteStream):
    """The body of an answer; its connection goes back to the pool when it is closed."""

    def __init__(
        self,
        connection: Connection,
        timeout_s: float | None,
        release: Callable[[Connection], None],
    ) -> None:
        self._connection: Connection | None = connection
        self._timeout_s = timeout_s
        self._release = release

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self._connection is not None:
            data = await self._connection.read(self._timeout_s)
            if not data:
                return
            yield data

    async def aclose(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            self._release(connection)


class Transport(httpx2.AsyncBaseTransport):
    """A pool of kept connections per origin; belongs to one event loop.

    `resolve` gives the addresses that may be connected to and is asked for every new
    connection, so what it refuses is never connected to. Without it the system decides.
    A request that was written has `request.extensions["sent"]` set.
    """

    def __init__(
        self,
        *,
        resolve: Resolve | None = None,
        max_in_flight: int = 4000,
        max_idle_per_origin: int = 1000,
        keepalive_s: float = 5.0,
    ) -> None:
        self._resolve = resolve
        self._slots = asyncio.Semaphore(max_in_flight)
        self._max_idle = max_idle_per_origin
        self._keepalive_s = keepalive_s
        self._open: WeakSet[Connection] = WeakSet()
        self._idle: defaultdict[_Origin, deque[tuple[float, Connection]]] = defaultdict(
            deque
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        timeouts = request.extensions.get("timeout", {})
        body = await request.aread()
        head = _head(request, body)
        await self._take_slot(timeouts.get("pool"))
        connection: Connection | None = None
        try:
            origin = _origin(request.url)
            connection = self._take_idle(origin) or await self._connect(
                origin, timeouts.get("connect")
            )
            request.extensions["sent"] = True
            await connection.exchange(
                head, body, timeouts, is_head=request.method == "HEAD"
            )
        except BaseException:
            self._slots.release()
            if connection is not None:
                connection.close()
            raise
        return httpx2.Response(
            connection.status,
            headers=connection.headers,
            stream=_Body(
                connection,
                timeouts.get("read"),
                functools.partial(self._give_back, origin),
            ),
            extensions={
                "http_version": b"HTTP/1.1",
                "reason_phrase": connection.reason,
            },
        )

    async def aclose(self) -> None:
        """Close all connections, also those in use, and let the loop finish them."""
        for connection in tuple(self._open):
            connection.close()
        self._open.clear()
        self._idle.clear()
        await asyncio.sleep(0)

    async def _take_slot(self, timeout_s: float | None) -> None:
        if not self._slots.locked():
            await self._slots.acquire()
            return
        try:
            async with asyncio.timeout(timeout_s):
                await self._slots.acquire()
        except TimeoutError as exc:
            raise httpx2.PoolTimeout("Too many requests are in flight.") from exc

    def _take_idle(self, origin: _Origin) -> Connection | None:
        kept = self._idle.get(origin)
        oldest = asyncio.get_running_loop().time() - self._keepalive_s
        while kept:
            since, connection = kept.pop()
            if since > oldest and not connection.is_closed:
                return connection
            connection.close()
        return None

    def _give_back(self, origin: _Origin, connection: Connection) -> None:
        self._slots.release()
        kept = self._idle[origin]
        now = asyncio.get_running_loop().time()
        while kept and kept[0][0] < now - self._keepalive_s:
            kept.popleft()[1].close()
        if connection.can_be_reused() and len(kept) < self._max_idle:
            kept.append((now, connection))
        else:
            connection.close()

    async def _connect(self, origin: _Origin, timeout_s: float | None) -> Connection:
        scheme, host, port = origin
        try:
            async with asyncio.timeout(timeout_s):
                addresses = await self._resolve(host, port) if self._resolve else [host]
                tls_host = host if scheme == "https" else None
                connection = await _open(addresses, port, tls_host)
        except TimeoutError as exc:
            raise httpx2.ConnectTimeout(f"{host} did not take the connection.") from exc
        except OSError as exc:
            raise httpx2.ConnectError(f"{host} could not be reached: {exc}") from exc
        self._open.add(connection)
        return connection


async def _open(addresses: list[str], port: int, tls_host: str | None) -> Connection:
    """Connect to the first address that answers; raises OSError when none does."""
    loop = asyncio.get_running_loop()
    failure: OSError = OSError("it has no address")
    for number, address in enumerate(addresses, 1):
        is_last = number == len(addresses)
        try:
            async with asyncio.timeout(None if is_last else _NEXT_ADDRESS_AFTER_S):
                _, connection = await loop.create_connection(
                    Connection,
                    address,
                    port,
                    ssl=tls_context() if tls_host else None,
                    server_hostname=tls_host,
                )
        except OSError as exc:
            failure = exc
        else:
            return connection
    raise failure


def _origin(url: httpx2.URL) -> _Origin:
    port = url.port or _PORTS.get(url.scheme)
    if port is None or url.scheme not in _PORTS:
        raise httpx2.UnsupportedProtocol(f"{url.scheme}:// is not HTTP.")
    return url.scheme, url.raw_host.decode("ascii"), port


def _head(request: httpx2.Request, body: bytes) -> bytes:
    """The request line and header; a length takes the place of chunks."""
    raw = [
        (name, value)
        for name, value in request.headers.raw
        if name.lower() != b"transfer-encoding"
    ]
    if len(raw) != len(request.headers.raw):
        raw.append((b"Content-Length", b"%d" % len(body)))
    head = b"".join(
        [
            b"%s %s HTTP/1.1\r\n"
            % (request.method.encode("ascii"), request.url.raw_path),
            *(b"%s: %s\r\n" % header for header in raw),
            b"\r\n",
        ]
    )
    lines = len(raw) + 2
    if head.count(b"\n") != lines or head.count(b"\r") != lines or b"\0" in head:
        raise httpx2.LocalProtocolError("A header holds a line break.")
    return head
