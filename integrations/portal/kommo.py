"""Kommo: connect the account, install the widget, try the assistant."""

from __future__ import annotations

import contextlib
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
from integrations.facts import adapter_of, cache, facts_of
from integrations.kommo import grants, hooking, hooks, hosts, keeping
from integrations.models import Channel, Grant
from integrations.portal import kommo_leads
from integrations.portal.base import ChannelPages, Outcome, Tab

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from django.http import HttpRequest

_CHAT = gettext_lazy("Chat")
CONNECTION = Tab("connection", gettext_lazy("Connection"))
LEADS = Tab("leads", gettext_lazy("Leads"))


class KommoPages(ChannelPages):
    """The account's connection, and the chat with its three tabs."""

    tabs = (
        Tab("status", gettext_lazy("Status"), _CHAT, is_for_support=True),
        Tab("setup", gettext_lazy("Setup"), _CHAT),
        Tab("test", gettext_lazy("Test"), _CHAT),
        CONNECTION,
        LEADS,
    )

    def steps(self) -> Mapping[str, Callable[[HttpRequest, Channel], Outcome]]:
        return {
            **super().steps(),
            "disconnect": self.disconnect,
            "read": kommo_leads.read,
            "leads": kommo_leads.save_leads,
            "reply_bot": kommo_leads.save_reply_bot,
            "drop_reply_bot": kommo_leads.drop_reply_bot,
        }

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
        with contextlib.suppress(ProviderError):  # the checks will say so
            kommo_leads.learn_choices(row)
        outcome = super().check(request, row)
        if not hooking.is_widgetless(facts_of(row)):
            row.note_checks([*row.findings, _first_call(row)])
        return outcome

    async def look(self, row: Channel) -> list[Check]:
        found = await super().look(row)
        is_public = settings.PUBLIC_URL.startswith("https://")
        return [
            Check(
                gettext_noop("Our address"),
                is_ok=is_public,
                detail=settings.PUBLIC_URL
                or _("This installation does not know its address."),
                hint=_(
                    "Kommo calls only https addresses; the operator sets PUBLIC_URL."
                ),
            ),
            *found,
        ]

    def context(self, request: HttpRequest, row: Channel, tab: Tab) -> dict[str, Any]:
        found = super().context(request, row, tab)
        findings = {each.name: each for each in row.findings}
        return {
            **found,
            **kommo_leads.context(row),
            "redirect_uri": grants.redirect_uri(),
            "uninstall_url": f"{settings.PUBLIC_URL}{reverse('kommo-uninstalled')}",
            "grant": Grant.objects.filter(channel=row).first(),
            "has_token": bool(row.credentials.get("token")),
            "can_authorise": bool(
                row.credentials.get("integration_id")
                and row.credentials.get("secret_key")
            ),
            "host": row.credentials.get("host", ""),
            "address": findings.get("Our address"),
            "access": findings.get("Access"),
            "signature": findings.get("Signature"),
            "bot": findings.get("Salesbot"),
            "first_call": findings.get("First call"),
            "webhook": findings.get("Account webhook"),
        }

    def disconnect(self, request: HttpRequest, row: Channel) -> Outcome:
        """Forget every token; nothing of ours can call the account any more."""
        disconnect(row)
        return Outcome(_("Disconnected. Remove the integration in Kommo as well."))


def _first_call(row: Channel) -> Check:
    has_called = last_call_at(row) is not None
    return Check(
        gettext_noop("First call"),
        is_ok=has_called,
        detail=_("A bot has called us.") if has_called else _("No bot has called yet."),
        hint=_("Start the bot on a lead, and write to it as a customer."),
    )


def last_call_at(row: Channel) -> dt.datetime | None:
    """When a bot last called; what an account's webhook told is no call of a bot."""
    calls = row.events.exclude(delivery_key__startswith=hooks.KEY).order_by("-id")
    newest = calls.values_list("received_at", flat=True).first()
    if newest or row.credentials.get("hook_token"):
        return newest
    return row.last_event_at  # events are not kept for ever


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
    keeping.drop(row)
    grants.forget(row.pk)
    row.credentials = {k: each for k, each in row.credentials.items() if k != "token"}
    row.is_active = False
    row.save(update_fields=["credentials", "is_active"])
    transaction.on_commit(cache.clear)
