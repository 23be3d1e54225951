"""What every page gets: a content security policy, and clear words on errors."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
)
from django.urls import Resolver404, resolve
from whitenoise.middleware import WhiteNoiseMiddleware

GetResponse = Callable[[HttpRequest], HttpResponseBase]

POLICY = (
    "default-src 'self'; img-src 'self' data:; connect-src 'self';"
    " object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)


class Middleware:
    """A middleware that works in front of plain and of async views."""

    sync_capable = True
    async_capable = True

    def __init__(
        self,
        get_response: Callable[
            [HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]
        ],
    ) -> None:
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest):  # type: ignore[no-untyped-def]
        if self._is_async:
            return self._call_async(request)
        early = self.before(request)
        return early or self.after(request, self.get_response(request))  # type: ignore[arg-type]

    async def _call_async(self, request: HttpRequest) -> HttpResponseBase:
        early = self.before(request)
        return early or self.after(request, await self.get_response(request))  # type: ignore[misc]

    def before(self, request: HttpRequest) -> HttpResponseBase | None:
        """An answer that ends the request here, or None."""
        return None

    def after(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """The answer, as it leaves."""
        return response


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]
    """WhiteNoise, beside the loop's other work.

    Its own is for plain views only: behind it every async view holds a thread until it
    has answered.
    """

    sync_capable = async_capable = True

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        return (
            self._call_async(request) if self._is_async else super().__call__(request)
        )

    async def _call_async(self, request: HttpRequest) -> HttpResponseBase:
        found = self.files.get(request.path_info)
        if found is None and self.autorefresh:
            found = await sync_to_async(self.find_file)(request.path_info)
        if found is not None:
            return await sync_to_async(self._whole)(found, request)
        return await self.get_response(request)  # type: ignore[no-any-return]

    def _whole(self, found: Any, request: HttpRequest) -> HttpResponseBase:
        """A file as a response in one piece: Django warns of plain streams in async views."""
        served: HttpResponseBase = self.serve(found, request)
        if not isinstance(served, FileResponse):
            return served
        whole = HttpResponse(served.getvalue(), status=served.status_code)
        whole.headers = served.headers
        served.close()
        return whole


class ContentSecurityPolicyMiddleware(Middleware):
    """Nothing runs or loads that does not come from us."""

    def after(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response


class JsonErrorsMiddleware(Middleware):
    """Every error of the API is JSON, also where Django would show a page."""

    def after(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if response.status_code < 400 or not is_page or not _is_api(request.path_info):
            return response
        status = HTTPStatus(response.status_code)
        return _refuse(f"{status.phrase}.", status.name.lower(), status)


class PathHintMiddleware(Middleware):
    """A path with a slash too many or too few is told so, never redirected."""

    def before(self, request: HttpRequest) -> HttpResponseBase | None:
        path = request.path_info
        if _exists(path) or not _is_api(path):
            return None
        plain = re.sub("/+", "/", path).rstrip("/")
        right = [each for each in (plain, f"{plain}/") if _exists(each)]
        hint = f" The path is {right[0]}." if right else ""
        return _refuse(f"There is no {path}.{hint}", "not_found", HTTPStatus.NOT_FOUND)


#: What programs call.
_API: Final = re.compile(r"/+(api(/|\Z)|webhook|toggle|human-status)")


def _is_api(path: str) -> bool:
    return _API.match(path) is not None


def _refuse(detail: str, code: str, status: HTTPStatus) -> JsonResponse:
    body = {"detail": detail, "error": detail, "code": code}
    response = JsonResponse(body, status=status)
    response.headers["Content-Length"] = str(len(response.content))
    return response


def _exists(path: str) -> bool:
    try:
        resolve(path)
    except Resolver404:
        return False
    return True
