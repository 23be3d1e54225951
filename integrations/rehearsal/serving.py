"""What every stand-in that speaks HTTP is made of: its server, and who takes a call."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar, Self

if TYPE_CHECKING:
    from collections.abc import Iterable


class StandIn:
    """Listens on 127.0.0.1 until it is closed."""

    def __init__(self, handler: type[StandInHandler], port: int = 0) -> None:
        """`handler` takes the calls, and finds this here as its `stand_in`."""
        #: Set when it closes: a call that hangs need not hang any longer.
        self.is_closing = threading.Event()
        own = type("Handler", (handler,), {"stand_in": self})
        self._server = _Server(("127.0.0.1", port), own)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )

    @property
    def url(self) -> str:
        """Its address, for the setting that names the service's."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_closing.set()
        self._server.shutdown()
        self._server.server_close()


class StandInHandler(BaseHTTPRequestHandler):
    """Takes calls, and keeps their connections open as real services do."""

    stand_in: ClassVar[StandIn]
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *_: object) -> None:
        """Say nothing: the tests and the owner look at what was kept."""

    def read_body(self) -> bytes:
        """What was sent with the call."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def reply(
        self,
        status: int,
        data: bytes = b"",
        kind: str = "",
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        """A whole answer; `kind` is its content type, where it has one."""
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


class _Server(ThreadingHTTPServer):
    #: Real services take many connections at the same moment. The library has room for
    #: five; who finds none is let in seconds later, when the system tries again.
    request_queue_size = 1024
