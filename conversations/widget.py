"""`/widget.js` and what it loads; docs/decisions/011 says why it is in pieces."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.contrib.auth.decorators import login_not_required
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils import translation
from django.utils.safestring import mark_safe
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

from conversations.api import channel_of
from conversations.panel import panel_context
from core.api import error_response
from core.exceptions import AppError

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

#: Seconds for which a browser may keep the widget's files without asking again.
MAX_AGE_S: Final = 300
#: What the widget's window is dressed in, in the order of the cascade.
STYLES: Final = ("variables", "base", "button", "message", "chat", "widget")
_REM = re.compile(r"(\d*\.?\d+)rem\b")


@login_not_required
@cache_control(public=True, max_age=MAX_AGE_S)
@conditional_page
@require_safe
def script(request: HttpRequest) -> HttpResponse:
    """`GET /widget.js`: the one script tag of a foreign page."""
    text = render_to_string(
        "conversations/widget.js", {"module": static("js/widget.js")}
    )
    return _for_everybody(
        HttpResponse(text, content_type="text/javascript; charset=utf-8")
    )


@login_not_required
@cache_control(public=True, max_age=MAX_AGE_S)
@conditional_page
@require_safe
def styles(request: HttpRequest) -> HttpResponse:
    """`GET /widget.css`: the stylesheets of the widget in one."""
    return _for_everybody(HttpResponse(_stylesheet(), content_type="text/css"))


def _for_everybody(response: HttpResponse) -> HttpResponse:
    """Let every page load it; it says nothing about anybody."""
    response["Access-Control-Allow-Origin"] = "*"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@cache
def _stylesheet() -> str:
    """One sheet, with pixels for rem: the root's font size is the foreign page's."""
    text = "\n".join(_read(f"css/{name}.css") for name in STYLES)
    return _REM.sub(lambda found: f"{float(found[1]) * 16:g}px", text)


@cache
def _icons() -> SafeString:
    # A page may use icons of its own document, and of no other site's.
    return mark_safe(_read("img/icons.svg"))  # noqa: S308 (our own file)


def _read(name: str) -> str:
    path = finders.find(name)
    assert isinstance(path, str)  # noqa: S101 (it lies in this repository)
    return Path(path).read_text("utf-8")


@login_not_required
@conditional_page
@require_safe
def panel(request: HttpRequest) -> HttpResponse:
    """`GET /api/chat/panel?key=&lang=`: the widget's window, with all its words."""
    try:
        channel = channel_of(request)
    except AppError as exc:
        return error_response(exc)
    wanted = request.GET.get("lang", "")
    with translation.override(_language(wanted)):
        context: dict[str, Any] = panel_context(channel) | {
            "is_widget": True,
            "icons": _icons(),
            "sprite": "",
            "lang": translation.get_language(),
            "dir": _direction(wanted),
        }
        response = render(request, "conversations/_widget.html", context)
    response["Cache-Control"] = "no-cache"
    return response


def _language(wanted: str) -> str | None:
    """The language of ours that comes closest; else the browser's."""
    try:
        return translation.get_supported_language_variant(wanted)
    except LookupError:
        return translation.get_language()


def _direction(wanted: str) -> str:
    """How the host page's language runs, whether or not we speak it."""
    try:
        info = translation.get_language_info(wanted.lower())
    except KeyError:
        return "ltr"
    return "rtl" if info["bidi"] else "ltr"
