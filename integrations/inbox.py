"""The ASGI app that takes webhooks: verify, store, 200.

It stands in front of Django because a Django view costs ten times as much per webhook.
All requests that wait at one moment share one INSERT; a request is answered only after
its event is committed.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import orjson
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from core import groups, store, work
from core.api import error_body, error_headers
from core.exceptions import AppError
from core.text import clean_text
from integrations import adapters, facts, limits
from integrations.adapters.base import Adapter, WebhookRequest
from integrations.kommo import archive

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

#: Hints of help desks are few, so that Django takes them.
_NOT_OURS = "/webhooks/desk/"
_PATH = re.compile(
    r"/webhooks/([a-z_]{1,20})/([0-9a-f-]{32,36})(?:/([\w-]{16,64}))?/?\Z"
)
#: Documented addresses that all accounts of a provider share.
_SHARED = {archive.SHARED_PATH: "kommo"}
#: (channel, delivery key, body, time of arrival)
Row = tuple[int, str, str, dt.datetime]


class Refusal(Exception):
    """A request that is not stored."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code


class Intake:
    """Verifies requests and stores them, all that wait at one moment together."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="inbox-db")
        self._is_used = False
        self._commit: groups.GroupCommit[Row, DatabaseError | None] = (
            groups.GroupCommit(self._flush)
        )

    async def adapter(self, provider: str, name: str) -> Adapter:
        """The adapter of an active channel; raises `Refusal`."""
        is_known, adapter = facts.cache.peek(name)
        if not is_known:
            adapter = await self._in_thread(lambda: facts.cache.load(name))
        if adapter is None or adapter.key != provider:
            raise Refusal(404, "not_found", "There is no such channel.")
        return adapter

    async def store(
        self, adapter: Adapter, request: WebhookRequest
    ) -> dict[str, Any] | None:
        """Verify a request and store its event; returns the acknowledgement."""
        adapter.verify(request)
        payload = adapter.decode(request.body)
        key = adapter.delivery_key(request, payload)
        if key:
            await self._admit(adapter, request, payload)
            now = dt.datetime.now(dt.UTC)
            body = request.body.decode("utf-8", "replace").replace("\x00", "")
            name = clean_text(key)[:200]
            error = await self._commit.add((adapter.channel.id, name, body, now))
            if error is not None:
                raise error
        return adapter.acknowledge(payload)

    async def _admit(
        self, adapter: Adapter, request: WebhookRequest, payload: dict[str, Any]
    ) -> None:
        """Raise `RateLimited` for a stranger who sends too much."""
        person = adapter.stranger(payload)
        if not person:
            return
        admit = partial(limits.admit, adapter.channel, person, address=request.address)
        await asyncio.to_thread(admit)

    def close(self) -> None:
        """Close the connection to the database; the next request makes a new one."""
        if self._is_used:
            self._thread.submit(lambda: connection.close()).result()

    async def _flush(self, rows: list[Row]) -> Sequence[DatabaseError | None]:
        errors: list[DatabaseError | None] = await self._in_thread(
            lambda: _insert_each(rows)
        )
        work.wake("receive")
        return errors

    async def _in_thread(self, function: Callable[[], Any]) -> Any:
        self._is_used = True
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, _reconnecting, function)


#: This process's intake; the documented alias paths share it with the inbox.
intake = Intake()


class Inbox:
    """Takes `/webhooks/{provider}/{channel}`; everything else is passed on.

    Events come with POST; some providers try an address with GET first.
    """

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_ours(scope["path"]):
            await self._app(scope, receive, send)
            return
        headers: Mapping[str, str] = {}
        answer: dict[str, Any] | str | None
        try:
            status, answer = 200, await self._take(scope, receive)
        except Refusal as exc:
            status, answer = exc.status, _failure(str(exc), exc.code)
        except AppError as exc:
            status, answer = exc.status_code, error_body(exc)
            headers = error_headers(exc)
        except (DatabaseError, InterfaceError):
            # 500 and not 503: that is what Chatwoot sends again.
            logger.exception("A webhook could not be stored")
            status, answer = (
                500,
                _failure("The event could not be stored.", "not_stored"),
            )
        except Exception:
            # The outermost edge: our own mistake, told without its innards.
            logger.exception("A webhook could not be taken")
            status, answer = 500, _failure("Something went wrong here.", "error")
        await _respond(send, status, answer, headers)

    async def _take(
        self, scope: Scope, receive: Receive
    ) -> dict[str, Any] | str | None:
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        shared = _SHARED.get(scope["path"])
        match = _PATH.match(scope["path"])
        # At a shared address the query may name the channel, as a path does elsewhere.
        name = query.get("token", "") if shared else (match[2] if match else "")
        provider = shared or (match[1] if match else "")
        if not provider:
            raise Refusal(404, "not_found", "There is no such channel.")
        if scope["method"] not in ("GET", "POST"):
            raise Refusal(405, "method_not_allowed", "Webhooks are sent with POST.")
        adapter = await intake.adapter(provider, name) if name else None
        if scope["method"] == "GET":
            if adapter is None or not adapter.is_greeted:
                raise Refusal(405, "method_not_allowed", "Webhooks are sent with POST.")
            return adapter.greet(query)
        request = WebhookRequest(
            headers=_headers(scope),
            query=query,
            body=await _body(scope, receive),
            is_addressed=bool(name),
            address=(scope.get("client") or ("",))[0],
            path_token=(match[3] or "") if match else "",
        )
        if adapter is None:
            account = adapters.get(provider).account_of(request)
            adapter = await intake.adapter(provider, f"{provider}:{account}")
        return await intake.store(adapter, request)


def _is_ours(path: str) -> bool:
    if path in _SHARED:
        return True
    return path.startswith("/webhooks/") and not path.startswith(_NOT_OURS)


def _insert_each(rows: list[Row]) -> list[DatabaseError | None]:
    """Store events together; if the database takes exception to one, one by one.

    Returns an error for each that could not be stored, so that it harms no other.
    """
    try:
        insert_events(rows)
    except (OperationalError, InterfaceError):
        raise  # the database is away
    except DatabaseError as exc:
        if len(rows) == 1:
            return [exc]
        return [error for row in rows for error in _insert_each([row])]
    return [None] * len(rows)


def insert_events(rows: list[Row]) -> None:
    """Store events in one transaction; those that are known already stay as they are."""
    with connection.cursor() as cursor:
        if store.is_postgresql():
            channels, keys, bodies, times = zip(*rows, strict=True)
            cursor.execute(
                "INSERT INTO integrations_event"
                " (channel_id, delivery_key, body, received_at)"
                " SELECT * FROM unnest"
                " (%s::bigint[], %s::text[], %s::text[], %s::timestamptz[])"
                " ON CONFLICT DO NOTHING",
                [
                    list(channels),
                    store.text_array(keys),
                    store.text_array(bodies),
                    list(times),
                ],
            )
            return
        store.begin_soon(cursor)
        try:
            cursor.executemany(
                "INSERT OR IGNORE INTO integrations_event"
                " (channel_id, delivery_key, body, received_at) VALUES (%s, %s, %s, %s)",
                [
                    (channel, key, body, at.replace(tzinfo=None).isoformat(" "))
                    for channel, key, body, at in rows
                ],
            )
            cursor.execute("COMMIT")
        except BaseException:
            cursor.execute("ROLLBACK")
            raise


def _reconnecting(function: Callable[[], Any]) -> Any:
    """Call it; after a lost connection the next call gets a new one."""
    try:
        return function()
    except (OperationalError, InterfaceError):
        connection.close()
        # Others that died with it would each be tried, with longer and longer pauses.
        pool = getattr(connection, "pool", None)
        if pool is not None:
            pool.check()
        raise


def _headers(scope: Scope) -> Mapping[str, str]:
    return {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in scope["headers"]
    }


async def _body(scope: Scope, receive: Receive) -> bytes:
    most = settings.MAX_BODY_BYTES
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "incomplete", "The request ended too early.")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > most:
            raise Refusal(413, "too_large", f"A body has at most {most} bytes.")
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _failure(detail: str, code: str) -> dict[str, Any]:
    """A refusal as JSON."""
    return {"detail": detail, "error": detail, "code": code}


async def _respond(
    send: Send,
    status: int,
    answer: dict[str, Any] | str | None,
    headers: Mapping[str, str],
) -> None:
    kind, body = b"application/json", b""
    if isinstance(answer, str):
        # Never as a page: whoever calls chooses what it says.
        kind, body = b"text/plain; charset=utf-8", answer.encode()
    elif answer is not None:
        body = orjson.dumps(answer)
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", kind),
                (b"content-length", str(len(body)).encode()),
                *(
                    (name.lower().encode(), value.encode())
                    for name, value in headers.items()
                ),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
