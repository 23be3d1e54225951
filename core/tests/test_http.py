"""Outbound HTTP against a server on loopback."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import zlib
from email.utils import format_datetime

import httpx2
import pytest

from core import http, transport
from core.exceptions import (
    CredentialsRefused,
    PermanentProviderError,
    ProviderError,
    TemporaryProviderError,
    UncertainProviderError,
)
from core.tests.raw import CLOSE, HANG, RawServer, ok, send

# What goes out and what comes back


def test_a_request_carries_what_it_was_given():
    with RawServer(ok(b'{"id": 7}')) as server:
        answer = send(
            "POST",
            f"{server.url}/messages?x=1",
            json={"text": "Сайн уу"},
            headers={"api_access_token": "t"},
        )

    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /messages?x=1 HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{server.port}".encode() in head
    assert b"api_access_token: t" in head
    assert b"Content-Type: application/json" in head or b"content-type" in head.lower()
    assert body == '{"text":"Сайн уу"}'.encode()
    assert http.json_of(answer, provider="chatwoot") == {"id": 7}


def test_forms_and_files_are_sent_whole():
    with RawServer() as server:
        send("POST", server.url, data={"a": "1 2"})
        send("POST", server.url, files=[("photo", ("a.png", b"\x89PNG", "image/png"))])

    assert server.requests[0].endswith(b"a=1+2")
    assert b'filename="a.png"' in server.requests[1]
    assert b"\x89PNG" in server.requests[1]


def test_an_empty_form_is_an_empty_body():
    with RawServer() as server:
        send("POST", server.url, data={})

    assert server.requests[0].endswith(b"\r\n\r\n")
    assert b"Content-Length: 0" in server.requests[0]


def test_an_answer_tells_its_headers_in_any_spelling_and_its_text():
    raw = ok(
        "não".encode("latin-1"),
        "X-Left: 3\r\nContent-Type: text/plain; charset=latin-1",
    )
    with RawServer(raw) as server:
        answer = send("GET", server.url)

    assert (answer.headers["x-left"], answer.headers["X-Left"]) == ("3", "3")
    assert answer.text == "não"


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (ok(b"abc"), b"abc"),
        (ok(gzip.compress(b"abc"), "Content-Encoding: gzip"), b"abc"),
        (ok(zlib.compress(b"abc"), "Content-Encoding: deflate"), b"abc"),
        (b"HTTP/1.1 200 Fine\r\n\r\nabc", b"abc"),
        (
            b"HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
            b"abc",
        ),
        (b"HTTP/1.1 204 Nothing\r\n\r\n", b""),
        (b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + ok(b"abc"), b"abc"),
    ],
    ids=["length", "gzip", "deflate", "until the end", "chunked", "204", "interim"],
)
def test_every_kind_of_body_is_read(raw, body):
    with RawServer(raw) as server:
        answer = send("GET", server.url)

    assert answer.content == body
    assert "link" not in answer.headers


def test_an_answer_to_head_has_no_body():
    with RawServer(b"HTTP/1.1 200 Fine\r\nContent-Length: 5\r\n\r\n") as server:
        assert send("HEAD", server.url).content == b""


def test_a_large_body_arrives_whole():
    body = b"x" * 3_000_000
    with RawServer(ok(body)) as server:
        assert send("POST", server.url, content=body).content == body
    assert server.requests[0].endswith(body)


def test_connections_are_kept_and_used_again():
    async def twice(url: str) -> None:
        for _ in range(2):
            await http.request("GET", url, provider="chatwoot", trusted=True)

    with RawServer(ok()) as server:
        http.run(twice(server.url))

    assert server.connections == 1
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "first",
    [ok(b"{}", "Connection: close"), ok() + b"HTTP/1.1 200 Extra\r\n\r\n"],
    ids=["closed by the server", "more than was asked for"],
)
def test_a_connection_in_doubt_is_not_used_again(first):
    async def twice(url: str) -> None:
        for _ in range(2):
            await http.request("GET", url, provider="chatwoot", trusted=True)

    with RawServer(first, ok()) as server:
        http.run(twice(server.url))

    assert server.connections == 2


def test_many_requests_run_at_once_within_the_limit():
    async def all_at_once(url: str) -> list[int]:
        own = transport.Transport(max_in_flight=5)
        calls = [
            own.handle_async_request(httpx2.Request("GET", url)) for _ in range(20)
        ]

        async def whole(call) -> int:
            answer = await call
            await answer.aread()
            await answer.aclose()
            return answer.status_code

        codes = await asyncio.gather(*map(whole, calls))
        await own.aclose()
        return codes

    with RawServer() as server:
        assert asyncio.run(all_at_once(server.url)) == [200] * 20
    assert server.connections <= 5


def test_a_full_pool_is_a_temporary_error():
    async def two_at_once(url: str) -> None:
        own = transport.Transport(max_in_flight=1)
        timeout = {"pool": 0.05, "read": 0.2}
        calls = [
            own.handle_async_request(
                httpx2.Request("POST", url, extensions={"timeout": timeout})
            )
            for _ in range(2)
        ]
        results = await asyncio.gather(*calls, return_exceptions=True)
        await own.aclose()
        assert {type(r) for r in results} == {httpx2.PoolTimeout, httpx2.ReadTimeout}

    with RawServer(HANG) as server:
        asyncio.run(two_at_once(server.url))


def test_a_line_break_in_a_header_is_refused():
    with RawServer() as server, pytest.raises(ProviderError):
        send("GET", server.url, headers={"x-name": "a\r\nx-admin: 1"})

    assert server.requests == []


def test_a_cancelled_request_gives_its_place_back():
    async def cancel(url: str) -> None:
        own = transport.Transport(max_in_flight=1)
        call = asyncio.ensure_future(
            own.handle_async_request(httpx2.Request("GET", url))
        )
        await asyncio.sleep(0.05)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        again = httpx2.Request("GET", url, extensions={"timeout": {"pool": 0.1}})
        await (await own.handle_async_request(again)).aclose()
        await own.aclose()

    with RawServer(HANG, ok()) as server:
        asyncio.run(cancel(server.url))


# Redirects


def test_redirects_are_not_followed_unless_asked():
    with RawServer(ok(b"", "Location: /next", status=302)) as server:
        with pytest.raises(PermanentProviderError) as caught:
            send("GET", server.url)

    assert caught.value.status == 302
    assert len(server.requests) == 1


def test_a_redirect_inside_one_origin_keeps_the_headers():
    with RawServer(ok(b"", "Location: /next", status=302), ok(b"there")) as server:
        answer = send("GET", server.url, max_redirects=1, headers={"x-token": "t"})

    assert answer.content == b"there"
    assert b"GET /next " in server.requests[1]
    assert b"x-token: t" in server.requests[1]


def test_a_redirect_elsewhere_loses_the_headers_and_the_trust(settings):
    settings.PRIVATE_HOSTS_ALLOWED = ["localhost"]
    with RawServer(ok(b"there")) as other:
        away = ok(b"", f"Location: http://localhost:{other.port}/", status=302)
        with RawServer(away) as server:
            answer = send("GET", server.url, max_redirects=1, headers={"x-token": "t"})
            settings.PRIVATE_HOSTS_ALLOWED = []
            with pytest.raises(PermanentProviderError) as caught:
                send("GET", server.url, max_redirects=1)

    assert answer.content == b"there"
    assert b"x-token" not in other.requests[0]
    assert caught.value.code == "address_refused"


def test_a_circle_of_redirects_ends():
    with RawServer(ok(b"", "Location: /", status=301)) as server:
        with pytest.raises(PermanentProviderError):
            send("GET", server.url, max_redirects=3)

    assert len(server.requests) == 4


# Errors


@pytest.mark.parametrize(
    ("status", "method", "kind"),
    [
        (400, "GET", PermanentProviderError),
        (401, "POST", CredentialsRefused),
        (404, "POST", PermanentProviderError),
        (408, "POST", TemporaryProviderError),
        (429, "POST", TemporaryProviderError),
        (500, "POST", TemporaryProviderError),
        (503, "GET", TemporaryProviderError),
        (504, "GET", TemporaryProviderError),
        (504, "POST", UncertainProviderError),
    ],
)
def test_a_status_becomes_an_error(status, method, kind):
    with RawServer(ok(status=status)) as server, pytest.raises(ProviderError) as caught:
        send(method, server.url)

    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.provider) == (status, "chatwoot")


def test_an_answer_can_be_had_unchecked():
    with RawServer(ok(b'{"error": "gone"}', status=404)) as server:
        answer = send("GET", server.url, check=False)

    assert answer.text == '{"error": "gone"}'


@pytest.mark.parametrize(
    ("raw", "method", "kind"),
    [
        (CLOSE, "GET", TemporaryProviderError),
        (CLOSE, "POST", UncertainProviderError),
        (HANG, "PUT", TemporaryProviderError),
        (HANG, "POST", UncertainProviderError),
        (b"HTTP/1.1 200 Fine\r\nContent-Length: 9\r\n\r\nhal", "POST", None),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "POST", UncertainProviderError),
        (ok(b"junk", "Content-Encoding: gzip"), "GET", TemporaryProviderError),
        (ok(b"junk", "Content-Encoding: br"), "GET", TemporaryProviderError),
    ],
    ids=["closed", "closed after a post", "silent", "silent after a post"]
    + ["half", "not http", "not gzip", "unknown packing"],
)
def test_a_missing_answer_becomes_an_error(raw, method, kind):
    with RawServer(raw) as server, pytest.raises(ProviderError) as caught:
        send(method, server.url, timeout_s=0.2)

    assert type(caught.value) is (kind or UncertainProviderError)


def test_a_refused_connection_is_temporary_even_for_a_post():
    with pytest.raises(TemporaryProviderError) as caught:
        send("POST", "http://127.0.0.1:9/")

    assert type(caught.value) is TemporaryProviderError


def test_the_timeout_bounds_a_server_that_drips():
    async def drip() -> float:
        async def one_byte_at_a_time(reader, writer):
            writer.write(b"HTTP/1.1 200 Fine\r\nContent-Length: 1000\r\n\r\n")
            while not writer.is_closing():
                writer.write(b"x")
                await asyncio.sleep(0.02)

        server = await asyncio.start_server(one_byte_at_a_time, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(UncertainProviderError):
            await http.request(
                "POST",
                f"http://127.0.0.1:{port}/",
                provider="chatwoot",
                trusted=True,
                timeout_s=0.15,
            )
        took_s = loop.time() - began
        await asyncio.sleep(0.06)  # the server sees that nobody listens
        server.close()
        return took_s

    assert http.run(drip()) < 1.0


@pytest.mark.parametrize(
    "raw",
    [
        ok(b"x" * 2000),
        ok(gzip.compress(b"x" * 2_000_000), "Content-Encoding: gzip"),
        b"HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"3e8\r\n"
        + b"x" * 1000
        + b"\r\n1\r\nx\r\n",
    ],
    ids=["plain", "packed", "endless"],
)
def test_an_answer_that_is_too_large_is_dropped(raw):
    with RawServer(raw) as server, pytest.raises(PermanentProviderError) as caught:
        send("GET", server.url, max_bytes=1000 if b"gzip" not in raw else 100_000)

    assert caught.value.code == "answer_too_large"


def test_an_endless_header_is_dropped():
    raw = b"HTTP/1.1 200 Fine\r\n" + b"X-Pad: " + b"x" * 70_000 + b"\r\n\r\n"
    with RawServer(raw) as server, pytest.raises(TemporaryProviderError):
        send("GET", server.url)


def test_an_answer_without_json_is_a_temporary_error():
    with RawServer(ok(b"<html>")) as server:
        answer = send("GET", server.url)

    with pytest.raises(TemporaryProviderError) as caught:
        http.json_of(answer, provider="chatwoot")
    assert caught.value.code == "malformed_answer"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("", None), ("12", 12.0), ("0.5", 0.5), ("-3", 0.0), ("soon", None)],
)
def test_retry_after_in_seconds(value, seconds):
    assert http.retry_after({"retry-after": value}) == seconds


def test_retry_after_as_a_date():
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=30)
    past = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=30)

    found = http.retry_after({"retry-after": format_datetime(soon, usegmt=True)})
    passed = http.retry_after({"retry-after": format_datetime(past, usegmt=True)})

    assert found == pytest.approx(30, abs=2)
    assert passed == 0.0


# The seam for tests


def test_a_transport_put_in_place_serves_requests_and_sdk_clients():
    seen: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(str(request.url))
        return httpx2.Response(200, json={"ok": True})

    async def both() -> None:
        await http.request("GET", "https://chat.example/a", provider="chatwoot")
        sdk = httpx2.AsyncClient(transport=http.Outlet(trusted=True))
        assert (await sdk.get("https://model.example/b")).json() == {"ok": True}

    with http.use_transport(httpx2.MockTransport(answer)):
        http.run(both())

    assert seen == ["https://chat.example/a", "https://model.example/b"]


def test_the_guard_stands_before_a_transport_put_in_place():
    fake = httpx2.MockTransport(lambda request: httpx2.Response(200))

    with http.use_transport(fake), pytest.raises(PermanentProviderError):
        send("GET", "http://10.0.0.1/", trusted=False)
