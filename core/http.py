"""The one outbound HTTP client, with its address guard.

`request()` is what adapters call. It checks the address, sends once (retries live in
the tasks) and turns whatever goes wrong into one `ProviderError`. An address from the
operator's environment is `trusted`; any other must lead to a public host: the guard
looks at every address that a name resolves to, at the moment of connecting, and
connects to nothing else. Tests swap the network with `use_transport()`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import zlib
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar
from weakref import WeakKeyDictionary

import httpx2
import orjson

from core.calls import Answer, AnswerTooLarge, Call, Response
from core.exceptions import (
    CredentialsRefused,
    PermanentProviderError,
    TemporaryProviderError,
    UncertainProviderError,
)
from core.guard import AddressRefused, Names, check_url
from core.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Mapping, Sequence

    from core.exceptions import (
        ProviderError,
    )

T = TypeVar("T")

_MEBIBYTE: Final = 1024 * 1024
_CONNECT_TIMEOUT_S: Final = 5.0
_TEMPORARY: Final = frozenset({408, 425, 429})
#: May be sent twice without harm.
_REPEATABLE: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_NOT_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
_NEVER_SENT: Final = (httpx2.UnsupportedProtocol, httpx2.LocalProtocolError)
_HEADERS: Final = {
    "User-Agent": "Answerdesk",
    "Accept": "application/json, */*;q=0.5",
    "Accept-Encoding": "gzip",
}
_OF_JSON: Final = {"Content-Type": "application/json"}
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


# Errors


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a `Retry-After` header asks for, in either of its forms."""
    value = headers.get("retry-after", "").strip()
    with contextlib.suppress(ValueError):
        return max(0.0, float(value))
    with contextlib.suppress(ValueError, TypeError):
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    return None


def error_from_response(
    response: Response, *, provider: str, repeatable: bool = True
) -> ProviderError:
    """The error that an answer of 300 or above stands for.

    A gateway's 504 leaves open whether the service acted, so it is uncertain unless
    the call is repeatable.
    """
    status = response.status_code
    kind: type[ProviderError] = PermanentProviderError
    if status == HTTPStatus.GATEWAY_TIMEOUT and not repeatable:
        kind = UncertainProviderError
    elif status in _TEMPORARY or status >= 500:
        kind = TemporaryProviderError
    elif status == HTTPStatus.UNAUTHORIZED:
        kind = CredentialsRefused
    return kind(
        f"{provider} answered {status}.",
        provider=provider,
        status=status,
        retry_after=retry_after(response.headers),
    )


def error_from_exception(
    error: Exception, *, provider: str, repeatable: bool = True
) -> ProviderError:
    """The error that trouble on the way stands for."""
    if isinstance(error, AddressRefused):
        return PermanentProviderError(
            str(error), provider=provider, code="address_refused"
        )
    if isinstance(error, _NEVER_SENT):
        return PermanentProviderError(
            f"{provider} cannot be called: {error}", provider=provider
        )
    if isinstance(error, AnswerTooLarge):
        return PermanentProviderError(
            f"{provider}: {error}", provider=provider, code="answer_too_large"
        )
    is_timeout = isinstance(error, (httpx2.TimeoutException, TimeoutError))
    reason = "did not answer in time" if is_timeout else "could not be reached"
    code = "timeout" if is_timeout else None
    if isinstance(error, _NOT_SENT) or repeatable:
        return TemporaryProviderError(
            f"{provider} {reason}.", provider=provider, code=code
        )
    return UncertainProviderError(
        f"{provider} took the request, but its answer did not come.", provider=provider
    )


def json_of(response: Response, *, provider: str) -> Any:  # noqa: ANN401
    """The answer's JSON; raises TemporaryProviderError when it holds none."""
    try:
        return orjson.loads(response.content)
    except ValueError as exc:
        raise TemporaryProviderError(
            f"{provider} answered with something that is not JSON.",
            provider=provider,
            code="malformed_answer",
            status=response.status_code,
        ) from exc


# The client


class PerLoop(Generic[T]):
    """Keeps one thing for each running event loop and key."""

    def __init__(self) -> None:
        self._kept: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[object, T]] = (
            WeakKeyDictionary()
        )

    def here(self) -> dict[object, T]:
        """What is kept for the running loop, by key."""
        return self._kept.setdefault(asyncio.get_running_loop(), {})


class Client:
    """Outbound HTTP of one event loop."""

    def __init__(self) -> None:
        names = Names()
        self.trusted = Transport(resolve=names.resolve, keepalive_s=30.0)
        self.guarded = Transport(resolve=names.resolve_public)

    async def aclose(self) -> None:
        """Close all kept connections."""
        await self.trusted.aclose()
        await self.guarded.aclose()


class Outlet(httpx2.AsyncBaseTransport):
    """The network, as a transport for anything that is built on httpx2.

    It uses the connections of whichever loop it is called on, or the transport that
    `use_transport()` has put in place.
    """

    def __init__(self, *, trusted: bool) -> None:
        self._trusted = trusted

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if _swapped:
            return await _swapped[-1].handle_async_request(request)
        own = client()
        transport = own.trusted if self._trusted else own.guarded
        return await transport.handle_async_request(request)


_clients: Final = PerLoop[Client]()
_swapped: Final[list[httpx2.AsyncBaseTransport]] = []


def client() -> Client:
    """The running loop's client."""
    clients = _clients.here()
    if "" not in clients:
        clients[""] = Client()
    return clients[""]


async def aclose() -> None:
    """Close the running loop's connections."""
    if kept := _clients.here().pop("", None):
        await kept.aclose()


def run(job: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine from code that has no loop, then close its connections."""

    async def session() -> T:
        try:
            return await job
        finally:
            await aclose()

    return asyncio.run(session())


@contextlib.contextmanager
def use_transport(transport: httpx2.AsyncBaseTransport) -> Iterator[None]:
    """Put a transport (`httpx2.MockTransport(...)`) in place of the network, for tests.

    It serves `request()` and the SDKs alike, on every loop and thread. Addresses are
    still checked, names are not resolved.
    """
    _swapped.append(transport)
    try:
        yield
    finally:
        _swapped.remove(transport)


async def request(
    method: str,
    url: str,
    *,
    provider: str,
    trusted: bool = False,
    repeatable: bool | None = None,
    params: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    json: Any = None,  # noqa: ANN401
    data: Mapping[str, Any] | None = None,
    files: Sequence[tuple[str, tuple[str, bytes, str]]] | None = None,
    content: bytes | None = None,
    timeout_s: float = 10.0,
    max_bytes: int = 5 * _MEBIBYTE,
    max_redirects: int = 0,
    check: bool = True,
) -> Answer:
    """Send one request and give its answer, read whole.

    `timeout_s` bounds everything from resolving the name to the last byte. `repeatable`
    (by default the method decides) says that a repetition would do no harm; if not, an
    answer that does not come is an UncertainProviderError. Redirects are followed for
    GET only, each hop checked anew. Without `check`, answers of 300 and above are
    given back instead of raised, for `error_from_response` to be refined.
    """
    if repeatable is None:
        repeatable = method.upper() in _REPEATABLE
    try:
        parsed = check_url(url, trusted=trusted)
        call = Call(
            method.upper(),
            httpx2.URL(parsed, params=params) if params else parsed,
            {**_HEADERS, **(_OF_JSON if json is not None else {}), **(headers or {})},
            orjson.dumps(json) if json is not None else content or b"",
            min(_CONNECT_TIMEOUT_S, timeout_s),
        )
        if data is not None or files is not None:
            _encode(call, data, files)
        response = await _send_within(
            call, timeout_s, max_bytes, trusted, max_redirects
        )
    except (httpx2.TransportError, httpx2.DecodingError) as exc:
        raise error_from_exception(
            exc, provider=provider, repeatable=repeatable
        ) from exc
    if check and response.status_code >= 300:
        raise error_from_response(response, provider=provider, repeatable=repeatable)
    return response


def _encode(
    call: Call,
    data: Mapping[str, Any] | None,
    files: Sequence[tuple[str, tuple[str, bytes, str]]] | None,
) -> None:
    """Put a form, or a form with files, into the body."""
    form = httpx2.Request("POST", call.url, data=dict(data or {}), files=files)
    call.body = form.read()
    if kind := form.headers.get("content-type"):  # an empty form has none
        call.headers = {**call.headers, "Content-Type": kind}


async def _send_within(
    call: Call,
    timeout_s: float,
    max_bytes: int,
    trusted: bool,  # noqa: FBT001
    max_redirects: int,
) -> Answer:
    # One timer bounds the whole; one for each step would cost more than it does.
    try:
        async with asyncio.timeout(timeout_s):
            response = await _send(call, max_bytes, trusted=trusted)
            while (
                max_redirects and call.method == "GET" and (to := _location(response))
            ):
                max_redirects -= 1
                call, trusted = _follow(call, to, trusted=trusted)
                response = await _send(call, max_bytes, trusted=trusted)
    except TimeoutError as exc:
        kind = httpx2.ReadTimeout if call.is_sent else httpx2.ConnectTimeout
        raise kind("No whole answer came in time.") from exc
    return response


async def _send(call: Call, max_bytes: int, *, trusted: bool) -> Answer:
    """One exchange; the answer's body is bounded and unpacked."""
    if _swapped:
        answer = await _through(_swapped[-1], call, max_bytes)
    else:
        own = client()
        answer = await (own.trusted if trusted else own.guarded).fetch(call, max_bytes)
    packing = answer.header(b"content-encoding").lower() or "identity"
    if packing != "identity":
        answer.content = _unpack(answer.content, packing, max_bytes)
    return answer


async def _through(
    transport: httpx2.AsyncBaseTransport, call: Call, max_bytes: int
) -> Answer:
    """The same exchange by a transport of httpx2, as tests put one in place."""
    answer = await transport.handle_async_request(call.as_request())
    body = b"".join([part async for part in answer.stream])  # type: ignore[union-attr]
    await answer.aclose()
    if len(body) > max_bytes:
        raise AnswerTooLarge(f"The answer is larger than {max_bytes} bytes.")
    return Answer(answer.status_code, answer.headers.raw, body)


def _unpack(body: bytes, packing: str, max_bytes: int) -> bytes:
    if packing not in {"gzip", "deflate"}:
        raise httpx2.DecodingError(f"The answer is packed as {packing}.")
    try:
        unpacked = zlib.decompressobj(47).decompress(body, max_bytes + 1)
    except zlib.error as exc:
        raise httpx2.DecodingError("The answer cannot be unpacked.") from exc
    if len(unpacked) > max_bytes:
        raise AnswerTooLarge(f"The answer is larger than {max_bytes} bytes.")
    return unpacked


def _location(answer: Answer) -> str:
    """Where a redirect leads; empty for other answers."""
    return answer.header(b"location") if answer.status_code in _REDIRECTS else ""


def _follow(call: Call, location: str, *, trusted: bool) -> tuple[Call, bool]:
    """The call that a redirect asks for.

    On its way to another origin it loses the caller's headers and the trust.
    """
    url = call.url.join(location)
    stays = (url.scheme, url.host, url.port) == (
        call.url.scheme,
        call.url.host,
        call.url.port,
    )
    check_url(str(url), trusted=trusted and stays)
    headers = call.headers if stays else _HEADERS
    return Call("GET", url, headers, b"", call.connect_s), trusted and stays
