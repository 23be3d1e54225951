"""The consent of a Kommo account, from our page and from Kommo's own, and its end."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.scoped_admin import owned_accounts
from core import http
from core.exceptions import AppError, InvalidPayload
from integrations import breakage, portal
from integrations.facts import cache
from integrations.kommo import archive, grants, hosts
from integrations.models import Channel
from integrations.portal.kommo import disconnect

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest

    from integrations.models import ChannelQuerySet

_CONSENT: Final = "https://www.kommo.com/oauth"
_STATE: Final = "kommo_consent"
_SALT: Final = "integrations.portal.kommo_views.consent"
#: Seconds for which Kommo's codes are good.
_CODE_S: Final = 20 * 60


@never_cache
@require_safe
def authorise(request: HttpRequest, row: UUID) -> HttpResponse:
    """Send the owner to Kommo, with a state that is good once."""
    channel = get_object_or_404(_owned(request), uuid=row)
    state = secrets.token_urlsafe(24)
    request.session[_STATE] = {"state": state, "channel": str(channel.uuid)}
    wanted = {
        "client_id": channel.credentials.get("integration_id", ""),
        "state": state,
        "mode": "popup",
    }
    consent = (
        f"{settings.KOMMO_BASE_URL.rstrip('/')}/oauth"
        if settings.KOMMO_BASE_URL
        else _CONSENT
    )
    return redirect(f"{consent}?{urlencode(wanted)}")


@never_cache
@require_safe
def download(request: HttpRequest, row: UUID) -> HttpResponse:
    """The widget's archive, with the channel's own address in it."""
    channel = get_object_or_404(_owned(request), uuid=row)
    return HttpResponse(
        archive.build(channel),
        content_type="application/zip",
        headers={"Content-Disposition": 'attachment; filename="answerdesk-kommo.zip"'},
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def callback(request: HttpRequest) -> HttpResponse:
    """Where Kommo sends people back with a code.

    Whoever installs the integration from Kommo's side brings no state of ours: such an
    account is attached only to a channel of theirs that they then name.
    """
    if request.method == "POST":
        return _confirmed(request)
    known = request.session.pop(_STATE, {})
    given = request.GET.get("state", "")
    if given:
        is_ours = hmac.compare_digest(known.get("state", "").encode(), given.encode())
        if not known or not is_ours:
            return _refused(
                request, _("This consent was not asked for here. Try again.")
            )
        channel = get_object_or_404(_owned(request), uuid=known["channel"])
        code, referer = request.GET.get("code", ""), request.GET.get("referer", "")
        return _connect(request, channel, code, referer)
    return _ask_which(request)


def _ask_which(request: HttpRequest) -> HttpResponse:
    client = request.GET.get("client_id", "")
    mine = [
        each
        for each in _owned(request)
        if client and each.credentials.get("integration_id") == client
    ]
    if not mine or not request.GET.get("code"):
        return _refused(
            request, _("None of your channels knows this integration; set it up first.")
        )
    told = {name: request.GET.get(name, "") for name in ("code", "referer")}
    context = {
        "channels": mine,
        "referer": told["referer"],
        "consent": signing.dumps(told, salt=_SALT),
    }
    return TemplateResponse(request, "portal/kommo_confirm.html", context)


def _confirmed(request: HttpRequest) -> HttpResponse:
    try:
        told = signing.loads(
            request.POST.get("consent", ""), salt=_SALT, max_age=_CODE_S
        )
    except signing.BadSignature:
        return _refused(request, _("This consent is too old. Try again."))
    name = request.POST.get("channel", "")
    channel = next((each for each in _owned(request) if str(each.uuid) == name), None)
    if channel is None:
        raise Http404
    return _connect(request, channel, told["code"], told["referer"])


def _connect(
    request: HttpRequest, channel: Channel, code: str, referer: str
) -> HttpResponse:
    try:
        host = _host_of(channel, referer)
        wanted = {"grant_type": "authorization_code", "code": code}
        found = http.run(grants.ask(host, channel.credentials, wanted))
    except AppError as exc:
        return _refused(request, str(exc))
    grants.keep(channel.pk, found)
    # The tokens of the consent stand in for one that was typed in.
    kept = {key: each for key, each in channel.credentials.items() if key != "token"}
    channel.credentials = {**kept, "host": host}
    channel.is_active = True
    channel.save(update_fields=["credentials", "is_active"])
    breakage.note_success(channel.pk)
    transaction.on_commit(cache.clear)
    channel.refresh_from_db()
    portal.get("kommo").check(request, channel)
    messages.success(request, _("Connected to %(host)s.") % {"host": host})
    return redirect("portal-page", "kommo", channel.uuid, "status")


def _host_of(channel: Channel, referer: str) -> str:
    """The host that consented; raises where it is not the one that was entered."""
    host = hosts.account_host(referer)
    known = channel.credentials.get("host", "")
    if known and hosts.account_host(known) != host:
        raise InvalidPayload(
            _("You consented for %(host)s, but this channel is for %(known)s.")
            % {"host": host, "known": known}
        )
    return host


def _refused(request: HttpRequest, problem: str) -> HttpResponse:
    context = {"problem": problem}
    return TemplateResponse(request, "portal/kommo_confirm.html", context, status=400)


@login_not_required
@never_cache
@require_safe
def uninstalled(request: HttpRequest) -> HttpResponse:
    """Kommo says, signed, that an account has removed the integration."""
    account, client = (request.GET.get(n, "") for n in ("account_id", "client_uuid"))
    rows = Channel.objects.filter(provider="kommo", external_id=account or "-")
    said = f"{client}|{account}".encode()
    given = request.GET.get("signature", "").encode()
    for channel in rows:
        secret = channel.credentials.get("secret_key", "").split(",")[0].strip()
        made = hmac.new(secret.encode(), said, hashlib.sha256).hexdigest().encode()
        if secret and hmac.compare_digest(made, given):
            disconnect(channel)
            breakage.note_refusal(
                channel.pk, _("The integration was removed in Kommo.")
            )
            return HttpResponse(status=200)
    raise Http404


def _owned(request: HttpRequest) -> ChannelQuerySet:
    rows: Any = Channel.objects.filter(provider="kommo")
    found: ChannelQuerySet = rows.filter(account__in=owned_accounts(request))
    return found
