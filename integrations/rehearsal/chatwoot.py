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
from typing import ClassVar, Self
from urllib.parse import parse_qsl, urlsplit

from integrations.adapters.chatwoot_api import signature
from integrations.rehearsal import chatwoot_page
from integrations.rehearsal.chatwoot_account import ACCOUNT, ChatwootAccount, Row
from integrations.rehearsal.chatwoot_api import SECRET, Call, ChatwootApi, Reply
from integrations.rehearsal.serving import StandIn, StandInHandler

logger = logging.getLogger(__name__)

#: Seconds for which Chatwoot waits for a webhook's answer.
TIMEOUT_S = 5.0


class ChatwootServer(StandIn):
    """Listens on 127.0.0.1 until it is closed."""

    def __init__(self, *, port: int = 0, webhook: str = "") -> None:
        super().__init__(_Handler, port)
        self.account = ChatwootAccount(on_event=self._queue)
        self.api = ChatwootApi(self.account)
        #: Where the bot's events go; empty: nowhere.
        self.webhook = webhook
        #: What visitors have sent beside words, by name.
        self.files: dict[str, bytes] = {}
        self._events: queue.SimpleQueue[Row | None] = queue.SimpleQueue()
        self._courier = threading.Thread(target=self._deliver, daemon=True)

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
        self._courier.start()
        return super().__enter__()

    def __exit__(self, *_: object) -> None:
        self._events.put(None)
        super().__exit__()
        self._courier.join(timeout=TIMEOUT_S)

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


class _Handler(StandInHandler):
    stand_in: ClassVar[ChatwootServer]

    def handle_call(self) -> None:
        """Take one request, of the API or of the page."""
        body = self.read_body()
        parts = urlsplit(self.path)
        if not parts.path.startswith("/api/"):
            self._page(parts.path, dict(parse_qsl(body.decode())))
            return
        account = f"/api/v1/accounts/{ACCOUNT['id']}/"
        reply = self.stand_in.api.answer(
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
            chatwoot_page.act(self.stand_in.account, form)
            self.send_response(303)
            self.send_header("Location", f"/?c={form.get('c', '')}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if path.startswith("/files/"):
            self._file(self.stand_in.files.get(path.removeprefix("/files/")))
            return
        query = dict(parse_qsl(urlsplit(self.path).query))
        page = chatwoot_page.render(self.stand_in.account, query.get("c", ""))
        self._write(Reply(200 if path == "/" else 404, page), "text/html")

    def _file(self, content: bytes | None) -> None:
        found = content is not None
        self.reply(200 if found else 404, content or b"", "application/octet-stream")

    def _write(self, reply: Reply, kind: str = "application/json") -> None:
        is_text = isinstance(reply.content, str)
        text = reply.content if is_text else json.dumps(reply.content)
        data = b"" if reply.content is None else text.encode()
        self.reply(reply.status, data, f"{kind}; charset=utf-8")
