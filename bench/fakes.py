"""A fake model, Chatwoot and Kommo on loopback, in one process of their own.

`POST /v1/chat/completions` answers after a delay; `POST …/conversations/{id}/messages`
and Kommo's `POST …/continue/{id}` note when which conversation got what. `POST /control` sets the delay and forgets,
`GET /report` tells. Written on bare protocols so that it costs little beside what it
serves: two calls per message.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from typing import Any

import orjson
import uvloop

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_STREAM = re.compile(rb'"stream": *true')
_KEY = re.compile(rb"authorization: *bearer ([^\r]+)", re.IGNORECASE)
_THREAD = re.compile(rb"/conversations/(\d+)/messages|/continue/(\d+)")
#: In the shape that the product asks for, with a quote that stands in its entry.
ANSWER = orjson.dumps(
    {
        "judgement": 0.95,
        "citations": [
            {
                "passage": 1,
                "quote": "The delivery of a parcel takes three working days.",
            }
        ],
        "answer": "Parcels arrive within three working days after the order.",
    }
).decode()


class Book:
    """What was asked and sent, with times of the machine's monotonic clock."""

    def __init__(self) -> None:
        self.delay_s = 1.0
        self.forget()

    def forget(self) -> None:
        """Start again."""
        #: (time, key of the caller) per model call that came in.
        self.calls: list[tuple[float, str]] = []
        #: Seconds by which answers left later than they should.
        self.late: list[float] = []
        #: (time, conversation) per message that reached the provider.
        self.posts: list[tuple[float, int]] = []
        self.in_flight = self.most_in_flight = 0

    def report(self) -> dict[str, Any]:
        """All of it."""
        return {
            "calls": self.calls,
            "posts": self.posts,
            "late": self.late,
            "most_in_flight": self.most_in_flight,
        }


book = Book()


class Server(asyncio.Protocol):
    """One connection; requests come one at a time."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._loop = asyncio.get_running_loop()
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end]
        length = _LENGTH.search(head)
        size = end + 4 + (int(length[1]) if length else 0)
        if len(self._buffer) < size:
            return
        body, self._buffer = self._buffer[end + 4 : size], self._buffer[size:]
        self._serve(head, body)

    def _serve(self, head: bytes, body: bytes) -> None:
        line = head[: head.find(b"\r\n")]
        if b"/chat/completions" in line:
            self._complete(head, is_streamed=_STREAM.search(body) is not None)
        elif thread := _THREAD.search(line):
            book.posts.append((time.monotonic(), int(thread[1] or thread[2])))
            self._answer(b'{"id":%d}' % len(book.posts))
        elif line.startswith(b"POST /control"):
            book.forget()
            book.delay_s = float(orjson.loads(body)["delay_s"])
            self._answer(b"{}")
        elif line.startswith(b"GET /report"):
            self._answer(orjson.dumps(book.report()))
        else:
            self._answer(b"{}")

    def _complete(self, head: bytes, *, is_streamed: bool) -> None:
        now = time.monotonic()
        key = _KEY.search(head)
        book.calls.append((now, key[1].decode() if key else ""))
        book.in_flight += 1
        book.most_in_flight = max(book.most_in_flight, book.in_flight)
        due = now + book.delay_s
        self._loop.call_later(book.delay_s, self._finish, due, is_streamed)

    def _finish(self, due: float, is_streamed: bool) -> None:  # noqa: FBT001 (a callback)
        book.in_flight -= 1
        if not self._transport.is_closing():
            book.late.append(time.monotonic() - due)
            if is_streamed:
                self._answer(_STREAMED, b"text/event-stream")
            else:
                self._answer(_COMPLETION)

    def _answer(self, body: bytes, kind: bytes = b"application/json") -> None:
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\n"
            b"content-length: %d\r\n\r\n%b" % (kind, len(body), body)
        )


_COMPLETION = orjson.dumps(
    {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": "bench",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": ANSWER},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 700, "completion_tokens": 20, "total_tokens": 720},
    }
)


def _chunk(**facts: Any) -> bytes:
    """One event of a streamed completion."""
    value = {
        "id": "chatcmpl-bench",
        "object": "chat.completion.chunk",
        "created": 1_790_000_000,
        "model": "bench",
        "choices": [],
        **facts,
    }
    return b"data: %b\n\n" % orjson.dumps(value)


_STREAMED = b"".join(
    [
        _chunk(choices=[{"index": 0, "delta": {"role": "assistant", "content": ANSWER}, "finish_reason": None}]),
        _chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}]),
        _chunk(usage={"prompt_tokens": 700, "completion_tokens": 20, "total_tokens": 720}),
        b"data: [DONE]\n\n",
    ]
)  # fmt: skip


async def main(port: int) -> None:
    """Serve until the process is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Server, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
