"""A server on loopback that speaks the model providers' published wire formats.

One server answers OpenAI's Responses and chat completions and Gemini's generateContent,
plain or streamed, as the request asks. What it does next is scripted by name:

    with ModelServer() as server:
        server.script("500", "ok")
        ...
        assert server.requests[0].body["model"] == "gpt-6-luna"

The last name of a script is repeated. The names are the keys of `BEHAVIOURS`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ai_model.tests import wire

DIALECTS: dict[str, wire.Dialect] = {
    "/responses": wire.Responses(),
    "/chat/completions": wire.Chat(),
    ":generateContent": wire.Gemini(),
    ":streamGenerateContent": wire.Gemini(),
}


@dataclass(frozen=True)
class Recorded:
    """A request as it arrived."""

    method: str
    path: str
    #: Names in lower case.
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def is_streamed(self) -> bool:
        return bool(self.body.get("stream")) or ":streamGenerateContent" in self.path


@dataclass
class Reply:
    """What the server writes back."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    #: Close the connection here instead of at the proper end.
    is_cut: bool = False


Behaviour = Callable[[wire.Dialect, Recorded], Reply]


def answer(**how: Any) -> Behaviour:
    """Answers with a completion; `how` is what `Dialect.whole` and `events` take."""

    def behave(dialect: wire.Dialect, request: Recorded) -> Reply:
        if request.is_streamed:
            return _stream(dialect.events(**how))
        return Reply(json.dumps(dialect.whole(**how)).encode())

    return behave


def error(name: str) -> Behaviour:
    """Answers with the dialect's error of that name."""

    def behave(dialect: wire.Dialect, request: Recorded) -> Reply:
        status, body, headers = dialect.errors[name]
        return Reply(json.dumps(body).encode(), status, dict(headers))

    return behave


def hang(dialect: wire.Dialect, request: Recorded) -> Reply:
    """Takes the request and says nothing."""
    return Reply(delay_s=3600.0)


def cut(dialect: wire.Dialect, request: Recorded) -> Reply:
    """Closes the connection in the middle of the answer."""
    reply = BEHAVIOURS["ok"](dialect, request)
    half = len(reply.body) // 2
    return Reply(reply.body[:half], headers=reply.headers, is_cut=True)


def end_early(dialect: wire.Dialect, request: Recorded) -> Reply:
    """Ends a stream properly, but without its terminal event."""
    return _stream(dialect.events()[:2])


def garble(dialect: wire.Dialect, request: Recorded) -> Reply:
    """Answers 200 with JSON that stops in the middle."""
    reply = BEHAVIOURS["ok"](dialect, request)
    if request.is_streamed:
        return Reply(b'data: {"id": "half\n\n', headers=reply.headers)
    return Reply(reply.body[: len(reply.body) // 2])


BEHAVIOURS: dict[str, Behaviour] = {
    "ok": answer(),
    "no usage": answer(usage=False),
    "refusal": answer(finish="refusal"),
    "blocked prompt": answer(finish="blocked prompt"),
    "safety": answer(finish="safety"),
    "length": answer(finish="length"),
    "length without text": answer(finish="length", text=""),
    "empty": answer(text=""),
    "unknown finish": answer(finish="unknown"),
    "failed": answer(finish="failed"),
    "cut": cut,
    "ends early": end_early,
    "garbled": garble,
    "hang": hang,
    **{
        name: error(name)
        for name in ("400", "401", "403", "404", "429", "quota", "500", "unsupported")
    },
}


class ModelServer:
    """The server; runs on a thread and a port of its own while it is entered."""

    def __init__(self) -> None:
        self.requests: list[Recorded] = []
        self._script: deque[str | Behaviour] = deque(["ok"])
        self.url = ""
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="loopback", daemon=True)

    def script(self, *steps: str | Behaviour) -> None:
        """Set what happens next, by name or as it is; the last step is repeated."""
        names = {step for step in steps if isinstance(step, str)}
        assert names <= BEHAVIOURS.keys(), names
        self._script = deque(steps)

    def __enter__(self) -> ModelServer:
        self._thread.start()
        self._is_ready.wait(5)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
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
        wrong = (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError)
        with contextlib.suppress(*wrong):
            while await self._exchange(reader, writer):
                pass
        writer.transport.abort()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """One request and its reply; False ends the connection."""
        request = await _read(reader)
        self.requests.append(request)
        reply = self._reply(request)
        await asyncio.sleep(reply.delay_s)
        head = f"HTTP/1.1 {reply.status} Scripted\r\ncontent-type: application/json\r\n"
        headers = {"x-request-id": f"req_{len(self.requests)}", **reply.headers}
        headers["content-length"] = str(len(reply.body) + reply.is_cut)
        if "content-type" in headers:
            head = f"HTTP/1.1 {reply.status} Scripted\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(head.encode() + b"\r\n" + reply.body)
        await writer.drain()
        return not reply.is_cut

    def _reply(self, request: Recorded) -> Reply:
        path = request.path.partition("?")[0]
        for ending, dialect in DIALECTS.items():
            if path.endswith(ending):
                is_last = len(self._script) == 1
                step = self._script[0] if is_last else self._script.popleft()
                behave = BEHAVIOURS[step] if isinstance(step, str) else step
                return behave(dialect, request)
        if path.endswith("/models"):
            name = self._script[0]
            dialect = wire.Gemini() if "v1beta" in path else wire.Chat()
            if isinstance(name, str) and name in dialect.errors:
                return BEHAVIOURS[name](dialect, request)
            return Reply(b'{"object": "list", "data": [], "models": []}')
        return Reply(b'{"error": {"message": "no such path"}}', status=404)


async def _read(reader: asyncio.StreamReader) -> Recorded:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ")
    pairs = (line.split(":", 1) for line in head[1:] if line)
    headers = {name.lower(): value.strip() for name, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Recorded(method, path, headers, json.loads(body) if body else {})


def _stream(events: list[dict[str, Any] | str]) -> Reply:
    """Server-sent events; OpenAI's carry their type as the event's name."""
    lines = []
    for event in events:
        if isinstance(event, dict) and "type" in event:
            lines.append(f"event: {event['type']}\n")
        text = event if isinstance(event, str) else json.dumps(event)
        lines.append(f"data: {text}\n\n")
    body = "".join(lines).encode()
    return Reply(body, headers={"content-type": "text/event-stream"})
