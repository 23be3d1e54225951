"""Kommo over HTTP: how the connection stands, and what is to be installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe
from rest_framework import serializers
from rest_framework.response import Response

from accounts.api import AccountView
from core.exceptions import Conflict
from core.openapi import describe_handler
from integrations import portal
from integrations.kommo import archive
from integrations.models import Channel
from integrations.portal.kommo import last_call_at

if TYPE_CHECKING:
    from rest_framework.request import Request

    from accounts.models import Account

#: Files of the widget that are served to everybody.
_SHARED = {"manifest.json": "application/json", "script.js": "text/javascript"}


class CheckSerializer(serializers.Serializer[Any]):
    """One thing that was looked at."""

    name = serializers.CharField()
    is_ok = serializers.BooleanField()
    detail = serializers.CharField()
    hint = serializers.CharField()


class KommoStatusSerializer(serializers.Serializer[Any]):
    """How the account's Kommo stands, as far as was really seen."""

    #: There is a channel, and Kommo takes our token.
    connected = serializers.BooleanField()
    #: The assistant may reply here.
    ai_chatbot_enabled = serializers.BooleanField()
    #: A call that was signed with the integration's secret has arrived.
    widget_installed = serializers.BooleanField()
    #: The account has a Salesbot.
    salesbot_configured = serializers.BooleanField()
    #: The host of the Kommo account.
    account = serializers.CharField()
    last_call_at = serializers.DateTimeField(allow_null=True)
    last_error = serializers.CharField()
    checked_at = serializers.DateTimeField(allow_null=True)
    checks = CheckSerializer(many=True)
    #: The page on which the owner sets it up.
    setup_url = serializers.CharField()


class Status(AccountView):
    """`GET /api/kommo/chat/status`: what the last look has found."""

    @describe_handler(name="kommo_status", gives=KommoStatusSerializer)
    def get(self, request: Request) -> Response:
        return Response(KommoStatusSerializer(status_of(_channel(self.account))).data)


class Install(AccountView):
    """`POST /api/kommo/widget/install`: look whether the widget is there.

    Kommo lets nobody install a widget from outside; a person uploads the archive.
    """

    @describe_handler(name="kommo_install", gives=KommoStatusSerializer, errors=(409,))
    def post(self, request: Request) -> Response:
        channel = _channel(self.account)
        if channel is None:
            raise Conflict("Connect a Kommo account in the portal first.")
        portal.get("kommo").check(request, channel)
        channel.refresh_from_db()
        return Response(KommoStatusSerializer(status_of(channel)).data)


def status_of(channel: Channel | None) -> dict[str, Any]:
    """The facts of a channel; of none, that there is none."""
    found = {each.name: each.is_ok for each in channel.findings} if channel else {}
    heard = last_call_at(channel) if channel else None
    return {
        "connected": found.get("Access", False),
        "ai_chatbot_enabled": bool(
            channel and channel.is_active and not channel.human_mode
        ),
        "widget_installed": bool(heard and found.get("Signature")),
        "salesbot_configured": found.get("Salesbot", False),
        "account": channel.credentials.get("host", "") if channel else "",
        "last_call_at": heard,
        "last_error": channel.trouble if channel else "",
        "checked_at": channel.checked_at if channel else None,
        "checks": channel.findings if channel else [],
        "setup_url": f"{settings.PUBLIC_URL}{reverse('portal-provider', args=['kommo'])}",
    }


def _channel(account: Account) -> Channel | None:
    rows = Channel.objects.for_account(account).filter(provider="kommo")
    return rows.order_by("pk").first()


@login_not_required
@require_safe
def shared_file(request: HttpRequest, name: str) -> HttpResponse:
    """`/widgets/shared/…`: the widget's files, with the address that all share."""
    if name not in _SHARED:
        raise Http404
    return HttpResponse(archive.shared(name), content_type=_SHARED[name])
