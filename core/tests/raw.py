"""A server on loopback that answers with the very bytes that it is told."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Any

from core import http

if TYPE_CHECKING:
    import ssl

    import httpx2


def ok(body: bytes = b"{}", *headers: str, status: int = 200) -> bytes:
    """A plain answer with its length."""
    lines = [f"HTTP/1.1 {status} Fine", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


#: Closes the connection without an answer.
CLOSE = b""
#: Keeps silent.
HANG = b"hang"


class RawServer:
    """Gives `replies` in order, the last one for ever; keeps what it was sent."""

    def __init__(self, *replies: bytes, tls: ssl.SSLContext | None = None) -> None:
        self.replies = list(replies) or [ok()]
        self.requests: list[bytes] = []
        self.connections = 0
        self.port = 0
        self._tls = tls
        self._is_ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve()), daemon=True
        )

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> RawServer:
        self._thread.start()
        self._is_ready.wait(5)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(
            self._connected, "127.0.0.1", 0, ssl=self._tls
        )
        self.port = server.sockets[0].getsockname()[1]
        self._is_ready.set()
        await self._stop.wait()
        server.close()
        await asyncio.sleep(0.01)  # what was just accepted gets its handler
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.01)  # the loop closes what was aborted

    async def _connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        wrong = (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError)
        with contextlib.suppress(*wrong):
            while await self._exchange(reader, writer):
                pass
        writer.transport.abort()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        self.requests.append(head + await reader.readexactly(length))
        reply = self.replies[0]
        if len(self.replies) > 1:
            self.replies.pop(0)
        if reply == HANG:
            await asyncio.sleep(3600)
        writer.write(reply)
        await writer.drain()
        has_end = b"Content-Length" in reply or b"chunked" in reply or b" 204 " in reply
        return has_end and b"close" not in reply


def send(method: str, url: str, **how: Any) -> httpx2.Response:
    """One request on a loop of its own, as the operator's own address unless told."""
    how = {"provider": "chatwoot", "trusted": True, "timeout_s": 2.0, **how}
    return http.run(http.request(method, url, **how))
