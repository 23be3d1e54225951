"""Whether a Kommo account is connected as it has to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from core.exceptions import ProviderError
from integrations.adapters.base import Check
from integrations.kommo import hooking

if TYPE_CHECKING:
    from integrations.adapters.base import ChannelFacts
    from integrations.kommo.api import Api


async def look(api: Api, host: str, channel: ChannelFacts) -> list[Check]:
    """Look at account, bots and signature; names are translated where they are shown."""
    if not host:
        return [
            Check(
                gettext_noop("Access"),
                is_ok=False,
                detail=_("The address is not one of a Kommo account."),
                hint=_("It is like shop.kommo.com."),
            )
        ]
    access = await _look_at_account(api, channel.credentials.get("account_id", ""))
    bots = [await _look_for_bots(api)] if access.is_ok else []
    hook = await _look_at_webhook(api, channel) if access.is_ok else []
    signature = [] if hooking.is_widgetless(channel) else [_signature(channel)]
    return [access, *bots, *hook, *signature]


async def _look_at_account(api: Api, known: str) -> Check:
    try:
        found = await api.call("GET", "/api/v4/account")
    except ProviderError as exc:
        return Check(
            gettext_noop("Access"),
            is_ok=False,
            detail=str(exc),
            hint=_("Connect the account, or enter a long-lived token."),
        )
    name = f"{found.get('name', '')} ({found.get('id', '')})"
    is_same = not known or str(found.get("id")) == known
    told = (
        _("Connected to %(name)s.")
        if is_same
        else _("The token is of another account: %(name)s.")
    )
    return Check(
        gettext_noop("Access"),
        is_ok=is_same,
        detail=told % {"name": name},
        hint=_("Enter the address and the token of the same account."),
    )


async def _look_for_bots(api: Api) -> Check:
    try:
        found = await api.call("GET", "/api/v4/bots", params={"page": 1, "limit": 250})
    except ProviderError as exc:
        return Check(gettext_noop("Salesbot"), is_ok=False, detail=str(exc))
    rows = found.get("_embedded", {}).get("bots", found.get("items", []))
    names = ", ".join(str(each.get("name", "")) for each in rows[:5])
    return Check(
        gettext_noop("Salesbot"),
        is_ok=bool(rows),
        detail=_("Salesbots: %(names)s.") % {"names": names}
        if rows
        else _("There is no Salesbot yet."),
        hint=_("Make one in Kommo and add our widget to it; see Setup."),
    )


async def _look_at_webhook(api: Api, channel: ChannelFacts) -> list[Check]:
    """Whether Kommo tells what is wanted of it; nothing where nothing is."""
    kinds = hooking.wanted(channel.settings)
    if not kinds:
        return []
    name = gettext_noop("Account webhook")
    try:
        hook = await hooking.find(api, hooking.destination(channel))
    except ProviderError as exc:
        return [Check(name, is_ok=False, detail=str(exc))]
    is_ok = hook is not None and hooking.is_good(hook, kinds)
    if is_ok:
        detail = _("Kommo tells us: %(kinds)s.") % {"kinds": ", ".join(kinds)}
    elif hook is None:
        detail = _("Kommo does not know our webhook.")
    else:
        detail = _("Kommo has switched our webhook off, or tells us something else.")
    hint = _("Save the settings again; that connects it anew.")
    return [Check(name, is_ok=is_ok, detail=detail, hint=hint)]


def _signature(channel: ChannelFacts) -> Check:
    is_known = bool(channel.credentials.get("secret_key"))
    return Check(
        gettext_noop("Signature"),
        is_ok=is_known,
        detail=_("Calls are verified with the integration's secret key.")
        if is_known
        else _("Calls are not verified: the secret key is not known."),
        hint=_("Copy the secret key of the integration from Kommo."),
    )
