"""Requests to the real ASGI application, inbox and all."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator

from core.asgi import application


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


async def acall(
    path: str,
    body: bytes | list[bytes] = b"",
    *,
    method: str = "POST",
    headers: dict[str, str] | None = None,
    query: str = "",
    client: tuple[str, int] = ("127.0.0.1", 5000),
    timeout_s: float = 20,
) -> Answer:
    """Send one request; a list of bodies arrives in pieces."""
    sent = {"host": "localhost", **(headers or {})}
    app = ApplicationCommunicator(
        application,
        {
            "type": "http",
            "method": method,
            "path": path,
            "client": list(client),
            "query_string": query.encode(),
            "headers": [(k.encode(), v.encode("latin-1")) for k, v in sent.items()],
        },
    )
    pieces = body if isinstance(body, list) else [body]
    for number, piece in enumerate(pieces, start=1):
        more = number < len(pieces)
        await app.send_input({"type": "http.request", "body": piece, "more_body": more})
    start = await app.receive_output(timeout_s)
    parts = []
    while True:
        part = await app.receive_output(timeout_s)
        parts.append(part.get("body", b""))
        if not part.get("more_body"):
            break
    await app.wait(timeout_s)
    names = {k.decode().lower(): v.decode("latin-1") for k, v in start["headers"]}
    return Answer(start["status"], names, b"".join(parts))


def call(path: str, body: bytes | list[bytes] = b"", **options: Any) -> Answer:
    """As `acall`, from a plain test."""
    return async_to_sync(acall)(path, body, **options)


def call_json(path: str, payload: Any, **options: Any) -> Answer:
    """Send a JSON body."""
    headers = {"content-type": "application/json", **options.pop("headers", {})}
    return call(path, json.dumps(payload).encode(), headers=headers, **options)
