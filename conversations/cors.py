"""Pages of other sites: those that a channel lists may use it, foreign ones may not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from conversations.api import UnknownChannel, channel_of
from core.api import error_response, refuse
from core.middleware import Middleware
from integrations.models import Channel

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

#: What a page may call; all else is for our own pages and for programs.
_PUBLIC: Final = re.compile(r"/api/(agent/|agent-failure/|feedback|chat/|health)")
_READS: Final = ("GET", "HEAD")
_PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": (
        "Content-Type, X-Channel-Key, X-Session-Id, X-Signature"
    ),
    # Seconds for which a browser keeps this.
    "Access-Control-Max-Age": "600",
}


class CorsMiddleware(Middleware):
    """Answers preflights, refuses what foreign pages send, and lets listed ones read."""

    def __call__(self, request: HttpRequest):  # type: ignore[no-untyped-def]
        if self._is_async:
            return self._call_async(request)
        is_listed, early = _judge(request)
        response = early or self.get_response(request)
        return _marked(request, response, is_listed=is_listed)  # type: ignore[arg-type]

    async def _call_async(self, request: HttpRequest) -> HttpResponseBase:
        is_listed, early = False, None
        if _foreign_origin(request):  # all others need no look into the database
            is_listed, early = await database_sync_to_async(_judge)(request)
        response = early or await self.get_response(request)  # type: ignore[misc]
        return _marked(request, response, is_listed=is_listed)


def _judge(request: HttpRequest) -> tuple[bool, HttpResponse | None]:
    """Whether the page is on the channel's list, and what ends its request here."""
    origin = _foreign_origin(request)
    if not origin:
        return False, None
    is_preflight = "Access-Control-Request-Method" in request.headers
    asks_first = request.method == "OPTIONS" and is_preflight
    try:
        is_listed = _is_listed(request, origin, by_anyone=asks_first)
    except UnknownChannel as exc:
        # The view says the same, to who does not ask first.
        return False, _whole(error_response(exc)) if asks_first else None
    if is_listed:
        return True, HttpResponse(
            status=204, headers=_PREFLIGHT
        ) if asks_first else None
    if request.method in _READS:
        return False, None  # the browser keeps it from the page
    detail = _("The channel does not list this page's origin.")
    return False, _whole(refuse(detail, "foreign_origin", 403))


def _whole(response: HttpResponse) -> HttpResponse:
    """A refusal with its length, which Django's own middleware tells further inside.

    Without one the server would send it in chunks.
    """
    response.headers["Content-Length"] = str(len(response.content))
    return response


def _foreign_origin(request: HttpRequest) -> str:
    """The origin of the page, if it is not one of ours and calls something public."""
    origin = request.headers.get("Origin", "")
    if not origin or not _PUBLIC.match(request.path_info):
        return ""
    if origin == settings.PUBLIC_URL:
        return ""
    # A proxy may speak HTTP to us while the page came by HTTPS.
    own = urlsplit(f"//{request.headers.get('Host', '')}").netloc
    return "" if origin in (f"http://{own}", f"https://{own}") else origin


def _is_listed(request: HttpRequest, origin: str, *, by_anyone: bool) -> bool:
    """Whether the channel of the request lists the origin; raises `UnknownChannel`.

    A preflight that names no channel may be about any; what follows it names one.
    """
    has_key = "key" in request.GET or "X-Channel-Key" in request.headers
    if has_key or not (by_anyone or request.path_info == "/api/health"):
        return origin in channel_of(request).allowed_origins
    rows = Channel.objects.active().filter(provider="web")
    if connection.features.supports_json_field_contains:
        return rows.filter(allowed_origins__contains=origin).exists()
    lists = rows.values_list("allowed_origins", flat=True)
    return any(origin in each for each in lists)


def _marked(
    request: HttpRequest, response: HttpResponseBase, *, is_listed: bool
) -> HttpResponseBase:
    if not _PUBLIC.match(request.path_info):
        return response
    patch_vary_headers(response, ["Origin"])
    if is_listed:
        response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
        response.headers["Access-Control-Expose-Headers"] = "Retry-After"
    return response
