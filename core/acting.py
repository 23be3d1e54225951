"""Who acts: the person whose request runs, or the command that an operator gave."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest, HttpResponseBase

_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)
_command: ContextVar[str] = ContextVar("command", default="")

#: By the beginning of a path, what somebody uses there; everything else is a page.
_WAYS = {"/admin/": "admin", "/api/": "api", "/portal/": "portal", "/desk/": "desk"}


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody, or something, that acts."""

    #: Empty: nobody who signs in.
    user_id: int | None
    #: The user's name, or the command's.
    name: str
    #: `admin`, `api`, `portal`, `desk`, `page`, `command` or `system`.
    way: str


def current() -> Actor:
    """Whoever acts now. The user is asked for only here: the API learns it late."""
    request = _request.get()
    if request is None:
        name = _command.get()
        return Actor(None, name, "command" if name else "system")
    user: Any = getattr(request, "user", None)
    path = request.path_info
    way = next((way for start, way in _WAYS.items() if path.startswith(start)), "page")
    if user is None or not user.is_authenticated:
        return Actor(None, "", way)
    return Actor(user.pk, user.get_username(), way)


@contextlib.contextmanager
def as_command(name: str) -> Iterator[None]:
    """What happens inside is done by an operator's command."""
    token = _command.set(name)
    try:
        yield
    finally:
        _command.reset(token)


class ActingMiddleware:
    """Remembers the request for as long as it runs."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if self._is_async:
            return self._call_async(request)
        token = _request.set(request)
        try:
            return self.get_response(request)
        finally:
            _request.reset(token)

    async def _call_async(self, request: HttpRequest) -> HttpResponseBase:
        token = _request.set(request)
        try:
            return await self.get_response(request)  # type: ignore[no-any-return]
        finally:
            _request.reset(token)
