"""Kommo: connect the account, install the widget, try the assistant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from core import http
from core.exceptions import ProviderError
from integrations.adapters.base import Check
from integrations.adapters.kommo import KommoAdapter
from integrations.facts import adapter_of, cache
from integrations.kommo import grants, hosts
from integrations.models import Channel, Grant
from integrations.portal.base import ChannelPages, Outcome, Tab

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.http import HttpRequest

_CHAT = gettext_lazy("Chat")
CONNECTION = Tab("connection", gettext_lazy("Connection"))


class KommoPages(ChannelPages):
    """The account's connection, and the chat with its three tabs."""

    tabs = (
        Tab("status", gettext_lazy("Status"), _CHAT, is_for_support=True),
        Tab("setup", gettext_lazy("Setup"), _CHAT),
        Tab("test", gettext_lazy("Test"), _CHAT),
        CONNECTION,
    )

    def steps(self) -> Mapping[str, Callable[[HttpRequest, Channel], Outcome]]:
        return {**super().steps(), "disconnect": self.disconnect}

    def keep(self, row: Channel, entered: Mapping[str, str]) -> None:
        host = (
            {"host": hosts.account_host(entered["host"])} if "host" in entered else {}
        )
        # A token says for itself which account it is of.
        former = {
            key: each for key, each in row.credentials.items() if key != "account_id"
        }
        row.credentials = former
        super().keep(row, {**entered, **host})

    def check(self, request: HttpRequest, row: Channel) -> Outcome:
        """Look, after the account's number was learned where it was not known."""
        learn_account(row)
        return super().check(request, row)

    async def look(self, row: Channel) -> list[Check]:
        found = await super().look(row)
        heard = row.last_event_at
        return [
            *found,
            Check(
                gettext_noop("First call"),
                is_ok=heard is not None,
                detail=_("A bot has called us.")
                if heard
                else _("No bot has called yet."),
                hint=""
                if heard
                else _("Start the bot on a lead, and write to it as a customer."),
            ),
        ]

    def context(self, request: HttpRequest, row: Channel, tab: Tab) -> dict[str, Any]:
        found = super().context(request, row, tab)
        findings = {each.name: each for each in row.findings}
        return {
            **found,
            "redirect_uri": grants.redirect_uri(),
            "uninstall_url": f"{settings.PUBLIC_URL}{reverse('kommo-uninstalled')}",
            "grant": Grant.objects.filter(channel=row).first(),
            "has_token": bool(row.credentials.get("token")),
            "can_authorise": bool(
                row.credentials.get("integration_id")
                and row.credentials.get("secret_key")
            ),
            "host": row.credentials.get("host", ""),
            "access": findings.get("Access"),
            "signature": findings.get("Signature"),
            "bot": findings.get("Salesbot"),
            "first_call": findings.get("First call"),
        }

    def disconnect(self, request: HttpRequest, row: Channel) -> Outcome:
        """Forget every token; nothing of ours can call the account any more."""
        disconnect(row)
        return Outcome(_("Disconnected. Remove the integration in Kommo as well."))


def learn_account(row: Channel) -> None:
    """Ask which account this is, so that calls find it and foreign ones do not."""
    adapter = adapter_of(row)
    if row.credentials.get("account_id") or not isinstance(adapter, KommoAdapter):
        return
    try:
        found = http.run(adapter.api.call("GET", "/api/v4/account"))
    except ProviderError:
        return  # the checks will say so
    row.external_id = str(found.get("id", ""))[:100]
    row.credentials = {**row.credentials, "account_id": row.external_id}
    row.save(update_fields=["external_id", "credentials"])
    transaction.on_commit(cache.clear)


def disconnect(row: Channel) -> None:
    """Forget the tokens of a channel, and pause it."""
    grants.forget(row.pk)
    row.credentials = {k: each for k, each in row.credentials.items() if k != "token"}
    row.is_active = False
    row.save(update_fields=["credentials", "is_active"])
    transaction.on_commit(cache.clear)
