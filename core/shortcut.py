"""The short way through Django, for calls that only wait for a reply.

Each of Django's own middlewares takes a thread twice per request, some twenty times in
all, and twice more its handler does to look after the thread's connection to the
database. Sessions of the browser, sign-in and forms are for pages; what is left only
looks at a request and its answer, and does so where it is. Who uses the database on
this way does so through `database_sync_to_async`, which looks after the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.exception import convert_exception_to_response
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.locale import LocaleMiddleware
from django.middleware.security import SecurityMiddleware
from django.urls import set_script_prefix
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

#: Nothing under this path asks who is signed in.
PATH: Final = re.compile(r"/api/agent/")


class Shortcut:
    """In front of Django: sends each request the way that it needs."""

    def __init__(self, app: ASGIHandler) -> None:
        self._app = app
        self._short = _ShortHandler()

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[..., Any],
        send: Callable[..., Any],
    ) -> None:
        app = self._short if PATH.match(scope["path"]) else self._app
        await app(scope, receive, send)


class _ShortHandler(ASGIHandler):
    """Django with `SHORT_MIDDLEWARE`, all of which is async."""

    def load_middleware(self, is_async: bool = True) -> None:  # noqa: FBT001, FBT002 (Django's)
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        handler = convert_exception_to_response(self._get_response_async)  # type: ignore[attr-defined]
        for name in reversed(settings.SHORT_MIDDLEWARE):
            handler = convert_exception_to_response(import_string(name)(handler))
        self._middleware_chain = handler

    async def handle(
        self,
        scope: dict[str, Any],
        receive: Callable[..., Any],
        send: Callable[..., Any],
    ) -> None:
        """As Django's, without its signals of requests that begin and end."""
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        with contextlib.closing(body):
            set_script_prefix(get_script_prefix(scope))
            request, refusal = self.create_request(scope, body)
            if refusal is not None:
                await self.send_response(refusal, send)
            if request is not None:
                with contextlib.closing(request):
                    await self._serve(request, receive, send)

    async def _serve(
        self,
        request: HttpRequest,
        receive: Callable[..., Any],
        send: Callable[..., Any],
    ) -> None:
        """Answer, or stop when the caller hangs up."""
        answering = asyncio.create_task(self._answer(request, send))
        leaving = asyncio.create_task(self.listen_for_disconnect(receive))
        try:
            await asyncio.wait({answering, leaving}, return_when="FIRST_COMPLETED")
        finally:
            leaving.cancel()
            answering.cancel()  # nothing to one that is done
            found = await asyncio.gather(answering, leaving, return_exceptions=True)
        if isinstance(found[0], Exception):
            raise found[0]

    async def _answer(self, request: HttpRequest, send: Callable[..., Any]) -> None:
        await self.send_response(await self.run_get_response(request), send)


class _Direct:
    """A middleware of Django's, without a thread."""

    get_response: Callable[[HttpRequest], Any]

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        before = getattr(self, "process_request", None)
        response = before(request) if before else None
        response = response or await self.get_response(request)
        after = getattr(self, "process_response", None)
        return after(request, response) if after else response  # type: ignore[no-any-return]


class Security(_Direct, SecurityMiddleware):
    """Headers that keep browsers careful, and the way to HTTPS."""


class Locale(_Direct, LocaleMiddleware):
    """The language of the caller."""


class Common(_Direct, CommonMiddleware):
    """Checks the host, and says how long the answer is."""


class XFrameOptions(_Direct, XFrameOptionsMiddleware):
    """No page shows ours in a frame."""
