"""`/widget/try`: the widget on a made-up page of a CRM, for developers to play with."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Final
from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_safe

from accounts.authentication import is_member, user_of
from conversations import demo
from conversations.api import UnknownChannel
from integrations.models import Channel

#: What the form starts with; the names are those of the script tag's `data-` attributes.
PERSON: Final = {
    "agent-id": "crm_user_456",
    "name": "Jane Smith",
    "email": "jane@company.com",
    "agency": "Sales",
    "office": "Cape Town",
    "signature": "",
}
OTHERS: Final = ("key", "agent-type", "lang", "theme")
#: Two names of one machine are two origins to a browser.
TWINS: Final = {"localhost": "127.0.0.1", "127.0.0.1": "localhost"}


Page = Callable[[HttpRequest, Channel], HttpResponse]


def _for_developers(page: Page) -> Callable[[HttpRequest], HttpResponse]:
    """Show the page of the default channel to its members; in the demo to everybody."""

    @wraps(page)
    def view(request: HttpRequest) -> HttpResponse:
        try:
            channel = demo.default_channel()
        except UnknownChannel:
            return render(request, "conversations/no_channel.html", status=404)
        if demo.is_open_demo(channel) or is_member(user_of(request), channel.account):
            return page(request, channel)
        return redirect_to_login(request.get_full_path())

    return login_not_required(never_cache(require_safe(view)))


@_for_developers
def form(request: HttpRequest, channel: Channel) -> HttpResponse:
    """The form, with the page of the CRM beside it."""
    _own, other = _origins(request)
    context = {
        "channel": channel,
        "person": PERSON,
        "languages": ("en", "mn", "ru", "es", "ar"),
        # A member has no cookie there; in the demo none is needed.
        "other": other if demo.is_open_demo(channel) else "",
    }
    response = render(request, "conversations/try.html", context)
    response["Content-Security-Policy"] = (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none';"
        f" frame-ancestors 'none'; frame-src 'self' {other}; form-action 'self' {other}"
    )
    return response


@xframe_options_exempt
@_for_developers
def host(request: HttpRequest, channel: Channel) -> HttpResponse:
    """A page of a CRM: nothing loads but what the widget needs, and no style spares it."""
    own, other = _origins(request)
    home = other if other and "is-foreign" in request.GET else own
    context = {
        "home": home,
        "data": {name: request.GET.get(name, "") for name in (*OTHERS, *PERSON)},
        "is_hostile": "is-hostile" in request.GET,
    }
    response = render(request, "conversations/try_host.html", context)
    response["Content-Security-Policy"] = (
        f"default-src 'none'; script-src {home}; connect-src {home}; style-src {home};"
        " base-uri 'none'; form-action 'none'; require-trusted-types-for 'script';"
        f" trusted-types 'none'; frame-ancestors {own} {other}"
    )
    return response


def _origins(request: HttpRequest) -> tuple[str, str]:
    """Where this page is, and the same place by another name if it has one."""
    own = request.build_absolute_uri("/").rstrip("/")
    name = urlsplit(own).hostname or ""
    return own, own.replace(name, TWINS[name], 1) if name in TWINS else ""
