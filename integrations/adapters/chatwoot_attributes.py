"""Custom attributes of a Chatwoot conversation: ours beside everybody else's.

Visitors can write attributes too, so nothing is ever decided by what is read here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings

from core import http

if TYPE_CHECKING:
    from collections.abc import Mapping

    from integrations.adapters.base import ChannelFacts

PROVIDER = "chatwoot"


async def merge(
    channel: ChannelFacts, address: Mapping[str, Any], values: Mapping[str, Any]
) -> None:
    """Set these values and leave the others; raises `ProviderError`.

    Older servers replace all attributes by those that are sent, newer ones merge them
    when asked to: they get them all, and are asked to. What stands already is not
    written again, so that Chatwoot has nothing to tell us.
    """
    shown = await _call(channel, address, "")
    known = shown.get("custom_attributes")
    known = known if isinstance(known, dict) else {}
    if all(name in known and known[name] == each for name, each in values.items()):
        return
    body = {"custom_attributes": {**known, **values}, "merge": True}
    await _call(channel, address, "/custom_attributes", body)


async def _call(
    channel: ChannelFacts,
    address: Mapping[str, Any],
    path: str,
    body: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    credentials = channel.credentials
    response = await http.request(
        "GET" if body is None else "POST",
        f"{credentials['base_url'].rstrip('/')}/api/v1/accounts/"
        f"{credentials['account_id']}/conversations/{address['conversation']}{path}",
        provider=PROVIDER,
        trusted=credentials["base_url"] == settings.CHATWOOT_BASE_URL,
        repeatable=True,
        json=body,
        headers={"Api-Access-Token": credentials["bot_token"]},
    )
    # Of what was written nothing is read, whatever it looks like.
    answer = http.json_of(response, provider=PROVIDER) if body is None else {}
    return answer if isinstance(answer, dict) else {}
