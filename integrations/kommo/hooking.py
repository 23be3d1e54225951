"""The webhook of an account: whether Kommo tells us what we asked for, and mending it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from integrations.adapters.base import ChannelFacts
    from integrations.kommo.api import Api

_PATH: Final = "/api/v4/webhooks"


def wanted(chosen: Mapping[str, Any]) -> list[str]:
    """What Kommo has to tell for what the owner chose; empty: nothing."""
    by_stage = ["status_lead"] if chosen.get("stage") else []
    by_bot = ["add_message"] if chosen.get("bot") and chosen.get("field") else []
    return [*by_bot, *by_stage]


def is_widgetless(channel: ChannelFacts) -> bool:
    """Whether no bot is to call us, because the account's webhook tells all."""
    has_hook = "add_message" in wanted(channel.settings)
    return has_hook and not channel.credentials.get("secret_key")


def destination(channel: ChannelFacts) -> str:
    """The address that Kommo is told; its end is a secret."""
    token = channel.credentials.get("hook_token", "")
    return f"{settings.PUBLIC_URL}/webhooks/kommo/{channel.uuid}/{token}"


def new_token() -> str:
    """A secret for the address."""
    return secrets.token_urlsafe(24)


async def settle(api: Api, address: str, kinds: list[str]) -> None:
    """Have Kommo tell this and nothing else; raises `ProviderError`."""
    found = await find(api, address)
    if found is not None and is_good(found, kinds):
        return
    if found is not None:
        await api.call("DELETE", _PATH, json={"destination": address})
    if kinds:
        hook = {"destination": address, "settings": kinds}
        await api.call("POST", _PATH, json=hook)


async def find(api: Api, address: str) -> dict[str, Any] | None:
    """The webhook as Kommo knows it; raises `ProviderError`."""
    params = {"filter[destination]": address}
    found = await api.call("GET", _PATH, params=params)
    rows = found.get("_embedded", {}).get("webhooks", [])
    return next((each for each in rows if each.get("destination") == address), None)


def is_good(hook: Mapping[str, Any], kinds: list[str]) -> bool:
    """Whether it is switched on and tells what is wanted."""
    return not hook.get("disabled") and set(hook.get("settings") or ()) == set(kinds)
