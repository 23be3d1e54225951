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
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

import httpx2

from core.calls import Answer, AnswerTooLarge, joined
from core.connection import Connection

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from core.calls import Call

#: Gives the addresses to connect to for a host and port, best first.
Resolve = Callable[[str, int], Awaitable[list[str]]]

_NEXT_ADDRESS_AFTER_S: Final = 2.0
_PORTS: Final = {"http": 80, "https": 443}

_Origin = tuple[str, str, int]


@functools.cache
def tls_context() -> ssl.SSLContext:
    """The TLS settings of all connections; trust comes from the operating system."""
    context = httpx2.create_ssl_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


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

    async def fetch(self, call: Call, most: int) -> Answer:
        """Send a call and read its whole answer, of so many bytes at most.

        The caller bounds the time. Raises `httpx2.TransportError` and `AnswerTooLarge`.
        """
        head, origin = call.head(), _origin(call.url)
        connection = await self._begin(origin, call.connect_s, None)
        call.is_sent = True
        try:
            await connection.exchange(head, call.body, is_head=call.method == "HEAD")
            body = bytearray()
            while part := await connection.read():
                body += part
                if len(body) > most:
                    raise AnswerTooLarge(f"The answer is larger than {most} bytes.")
        except BaseException:
            self._drop(connection)
            raise
        self._give_back(origin, connection)
        return Answer(connection.status, connection.headers, bytes(body))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        timeouts = request.extensions.get("timeout", {})
        body = await request.aread()
        head, origin = _head(request, body), _origin(request.url)
        connection = await self._begin(
            origin, timeouts.get("connect"), timeouts.get("pool")
        )
        try:
            await connection.exchange(
                head,
                body,
                is_head=request.method == "HEAD",
                write_s=timeouts.get("write"),
                read_s=timeouts.get("read"),
            )
        except BaseException:
            self._drop(connection)
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

    async def _begin(
        self, origin: _Origin, connect_s: float | None, pool_s: float | None
    ) -> Connection:
        """A connection for one exchange; `_give_back` or `_drop` ends it."""
        await self._take_slot(pool_s)
        try:
            return self._take_idle(origin) or await self._connect(origin, connect_s)
        except BaseException:
            self._slots.release()
            raise

    def _drop(self, connection: Connection) -> None:
        self._slots.release()
        connection.close()

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
    lines = [b"%s: %s" % header for header in raw]
    first = b"%s %s HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)
    return joined([first, *lines])
