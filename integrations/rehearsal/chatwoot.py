"""A stand-in for Chatwoot on loopback, with its API, its webhooks and a page.

    with ChatwootServer() as chatwoot:
        chatwoot.webhook = "http://127.0.0.1:8000/webhooks/chatwoot/…"
        chatwoot.account.customer_writes("Where is my parcel?")

The page at its root plays both sides: the visitor's and the staff's.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl, urlsplit

from integrations.adapters.chatwoot_api import signature
from integrations.rehearsal import chatwoot_page
from integrations.rehearsal.chatwoot_account import ACCOUNT, ChatwootAccount, Row
from integrations.rehearsal.chatwoot_api import SECRET, Call, ChatwootApi, Reply
from integrations.rehearsal.serving import StandInServer

logger = logging.getLogger(__name__)

#: Seconds for which Chatwoot waits for a webhook's answer.
TIMEOUT_S = 5.0


class ChatwootServer:
    """Listens on 127.0.0.1 until it is closed."""

    def __init__(self, *, port: int = 0, webhook: str = "") -> None:
        self.account = ChatwootAccount(on_event=self._queue)
        self.api = ChatwootApi(self.account)
        #: Where the bot's events go; empty: nowhere.
        self.webhook = webhook
        #: What visitors have sent beside words, by name.
        self.files: dict[str, bytes] = {}
        self._events: queue.SimpleQueue[Row | None] = queue.SimpleQueue()
        handler = type("Handler", (_Handler,), {"chatwoot": self})
        self._server = StandInServer(("127.0.0.1", port), handler)
        self._threads = [
            threading.Thread(
                target=self._server.serve_forever, args=(0.05,), daemon=True
            ),
            threading.Thread(target=self._deliver, daemon=True),
        ]

    @property
    def url(self) -> str:
        """Its address, for `CHATWOOT_BASE_URL`."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def keep(self, name: str, content: bytes, kind: str = "image") -> Row:
        """A file of a visitor's, as a message carries it."""
        self.files[name] = content
        return {
            "id": len(self.files),
            "file_type": kind,
            "data_url": f"{self.url}/files/{name}",
            "file_size": len(content),
        }

    def __enter__(self) -> Self:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._events.put(None)
        self._server.shutdown()
        self._server.server_close()
        self._threads[1].join(timeout=TIMEOUT_S)

    def _queue(self, event: Row) -> None:
        self._events.put(json.loads(json.dumps(event)))

    def _deliver(self) -> None:
        while (event := self._events.get()) is not None:
            if self.webhook:
                _post(self.webhook, event)


def signed(event: Row, secret: str = SECRET) -> tuple[bytes, dict[str, str]]:
    """An event's body and headers, as Chatwoot 4.12 sends them."""
    body = json.dumps(event).encode()
    stamp = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "X-Chatwoot-Delivery": str(uuid.uuid4()),
        "X-Chatwoot-Timestamp": stamp,
        "X-Chatwoot-Signature": signature(secret, stamp, body),
    }
    return body, headers


def _post(url: str, event: Row) -> None:
    """Once: of what is not taken, only the log tells."""
    request = urllib.request.Request(url, *signed(event))  # noqa: S310 (the operator's)
    try:
        urllib.request.urlopen(request, timeout=TIMEOUT_S).close()  # noqa: S310
    except OSError as exc:
        logger.warning("The webhook did not take %s: %s", event["event"], exc)


class _Handler(BaseHTTPRequestHandler):
    chatwoot: ClassVar[ChatwootServer]
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def handle_call(self) -> None:
        """Take one request, of the API or of the page."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        if not parts.path.startswith("/api/"):
            self._page(parts.path, dict(parse_qsl(body.decode())))
            return
        account = f"/api/v1/accounts/{ACCOUNT['id']}/"
        reply = self.chatwoot.api.answer(
            Call(
                self.command,
                parts.path.removeprefix(account),
                dict(parse_qsl(parts.query)),
                json.loads(body) if body else {},
                self.headers.get("Api-Access-Token", ""),
            )
        )
        if not reply.status:
            self.close_connection = True
            return
        self._write(reply)

    do_GET = do_POST = handle_call  # noqa: N815

    def _page(self, path: str, form: dict[str, str]) -> None:
        if self.command == "POST":
            chatwoot_page.act(self.chatwoot.account, form)
            self.send_response(303)
            self.send_header("Location", f"/?c={form.get('c', '')}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if path.startswith("/files/"):
            self._file(self.chatwoot.files.get(path.removeprefix("/files/")))
            return
        query = dict(parse_qsl(urlsplit(self.path).query))
        page = chatwoot_page.render(self.chatwoot.account, query.get("c", ""))
        self._write(Reply(200 if path == "/" else 404, page), "text/html")

    def _file(self, content: bytes | None) -> None:
        found = content is not None
        self._send(200 if found else 404, content or b"", "application/octet-stream")

    def _write(self, reply: Reply, kind: str = "application/json") -> None:
        is_text = isinstance(reply.content, str)
        text = reply.content if is_text else json.dumps(reply.content)
        data = b"" if reply.content is None else text.encode()
        self._send(reply.status, data, f"{kind}; charset=utf-8")

    def _send(self, status: int, data: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
