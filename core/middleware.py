"""What every page gets: a content security policy, and a clear word on slashes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.urls import Resolver404, resolve

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


class ContentSecurityPolicyMiddleware(Middleware):
    """Nothing runs or loads that does not come from us."""

    def after(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response


class PathHintMiddleware(Middleware):
    """A path with a slash too many or too few is told so, never redirected."""

    def before(self, request: HttpRequest) -> HttpResponseBase | None:
        path = request.path_info
        if _exists(path) or not path.startswith(("/api/", "/webhook", "/toggle")):
            return None
        other = path.rstrip("/") if path.endswith("/") else f"{path}/"
        detail = f"There is no {path}."
        if _exists(other):
            detail += f" The path is {other}."
        return JsonResponse(
            {"detail": detail, "error": detail, "code": "not_found"}, status=404
        )


def _exists(path: str) -> bool:
    try:
        resolve(path)
    except Resolver404:
        return False
    return True
