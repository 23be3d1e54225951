"""The HTTP server that every stand-in runs on."""

from __future__ import annotations

from http.server import ThreadingHTTPServer


class StandInServer(ThreadingHTTPServer):
    """Takes many connections at the same moment, as real services do."""

    #: The library has room for five; who finds none is let in seconds later, when the
    #: system tries again.
    request_queue_size = 1024
