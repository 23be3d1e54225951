"""Looks whether a connection with Chatwoot is whole, and names what is missing."""

from __future__ import annotations

import hmac
import json
import time
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.translation import gettext

from core import http
from core.exceptions import ConversationGone, CredentialsRefused, ProviderError
from integrations.adapters.base import Check
from integrations.adapters.chatwoot_api import PROVIDER, signature

if TYPE_CHECKING:
    from integrations.adapters.base import ChannelFacts
    from integrations.adapters.chatwoot_api import Api


async def check(channel: ChannelFacts, api: Api) -> list[Check]:
    """Each thing that is needed, in the order in which it is set up."""
    known = channel.credentials
    found = [await _bot_token(api)]
    if known.get("user_token"):
        user, may_administer = await _user_token(api)
        found.append(user)
        if user.is_ok:
            found.append(await _inbox(api, known.get("inbox_id", "")))
        if may_administer and known.get("inbox_id"):
            found += await _assignment(channel, api)
    else:
        found.append(
            Check(
                gettext("Access token of a user"),
                is_ok=False,
                detail=gettext("There is none."),
                hint=gettext(
                    "With one, missed messages are fetched and doubtful sends looked"
                    " up. Copy it from a profile in Chatwoot."
                ),
            )
        )
    found.append(await _webhook(channel))
    return found


async def _bot_token(api: Api) -> Check:
    name = gettext("Access token of the bot")
    try:
        # There is no conversation 0: whoever may look is told so.
        await api.get("conversations/0")
    except ConversationGone:
        return Check(name, is_ok=True, detail=gettext("Chatwoot takes it."))
    except CredentialsRefused:
        return Check(
            name,
            is_ok=False,
            detail=gettext("Chatwoot refuses it."),
            hint=gettext(
                "Copy the access token from the bot's page, and see whether the account"
                " number is right."
            ),
        )
    except ProviderError as exc:
        return _unreachable(name, exc)
    return Check(name, is_ok=True)


async def _user_token(api: Api) -> tuple[Check, bool]:
    """The check, and whether the token is an administrator's."""
    name = gettext("Access token of a user")
    try:
        profile = await api.get("/api/v1/profile", as_user=True)
    except CredentialsRefused:
        hint = gettext("Copy it anew from the profile of a person in Chatwoot.")
        refused = gettext("Chatwoot refuses it.")
        return Check(name, is_ok=False, detail=refused, hint=hint), False
    except ProviderError as exc:
        return _unreachable(name, exc), False
    roles = {profile.get("role")}
    roles |= {each.get("role") for each in profile.get("accounts") or ()}
    return Check(name, is_ok=True, detail=str(profile.get("name") or "")), (
        "administrator" in roles
    )


async def _inbox(api: Api, wanted: str) -> Check:
    name = gettext("Inbox")
    try:
        answer = await api.get("inboxes", as_user=True)
    except ProviderError as exc:
        return _unreachable(name, exc)
    listed = {
        str(each.get("id")): str(each.get("name"))
        for each in answer.get("payload") or ()
    }
    there = ", ".join(f"{key}: {label}" for key, label in listed.items())
    if wanted and wanted not in listed:
        return Check(
            name,
            is_ok=False,
            detail=gettext("There is no inbox %(number)s.") % {"number": wanted},
            hint=gettext("There are: %(inboxes)s.") % {"inboxes": there or "—"},
        )
    return Check(name, is_ok=True, detail=listed.get(wanted, there))


async def _assignment(channel: ChannelFacts, api: Api) -> list[Check]:
    """Whether a bot has the inbox, calls us, and signs with the secret that we know."""
    known = channel.credentials
    name = gettext("Bot of the inbox")
    try:
        answer = await api.get(f"inboxes/{known['inbox_id']}/agent_bot", as_user=True)
    except ProviderError as exc:
        return [_unreachable(name, exc)]
    # Versions differ in whether it is wrapped.
    bot: dict[str, Any] = answer.get("agent_bot", answer) or {}
    if known.get("connection") == "webhook":
        hint = gettext("A bot and a webhook would answer twice; detach the bot.")
        return [Check(name, is_ok=not bot.get("id"), hint=hint if bot else "")]
    if not bot.get("id"):
        hint = gettext("Choose the bot under Settings, Inboxes, Bot Configuration.")
        return [Check(name, is_ok=False, detail=gettext("There is none."), hint=hint)]
    found = [Check(name, is_ok=True, detail=str(bot.get("name") or ""))]
    calls, wanted = str(bot.get("outgoing_url") or ""), webhook_url(channel)
    if calls and settings.PUBLIC_URL and calls != wanted:
        found.append(
            Check(
                gettext("Webhook address of the bot"),
                is_ok=False,
                detail=calls,
                hint=gettext("It must be %(url)s.") % {"url": wanted},
            )
        )
    secret = str(bot.get("secret") or "")
    stored = known.get("webhook_secret", "").split(",")
    if secret and not any(
        hmac.compare_digest(secret.encode(), each.strip().encode()) for each in stored
    ):
        found.append(
            Check(
                gettext("Webhook secret"),
                is_ok=False,
                detail=gettext("It is not the one with which this bot signs."),
                hint=gettext("Copy it from the bot's page in Chatwoot."),
            )
        )
    return found


async def _webhook(channel: ChannelFacts) -> Check:
    """Send ourselves, through our public address, an event that means nothing."""
    name = gettext("Our webhook")
    if not settings.PUBLIC_URL:
        return Check(
            name,
            is_ok=False,
            detail=gettext("The service does not know its public address."),
            hint=gettext("The operator sets PUBLIC_URL."),
        )
    body = json.dumps({"event": "answerdesk_check"}).encode()
    secret = channel.credentials.get("webhook_secret", "").partition(",")[0].strip()
    stamp = str(int(time.time()))
    try:
        answer = await http.request(
            "POST",
            webhook_url(channel),
            provider="ourselves",
            trusted=True,
            content=body,
            headers={
                "Content-Type": "application/json",
                "X-Chatwoot-Timestamp": stamp,
                "X-Chatwoot-Signature": signature(secret, stamp, body),
            },
            check=False,
        )
    except ProviderError as exc:
        return _unreachable(name, exc)
    if answer.status_code != 200:
        return Check(
            name,
            is_ok=False,
            detail=gettext("It answers %(status)s.") % {"status": answer.status_code},
            hint=gettext("Lead %(url)s to this service.")
            % {"url": webhook_url(channel)},
        )
    if not secret:
        return Check(
            name,
            is_ok=True,
            detail=gettext("Unsigned: the address alone protects it."),
            hint=gettext("Chatwoot 4.12 and newer sign; enter the bot's secret."),
        )
    return Check(name, is_ok=True, detail=webhook_url(channel))


def webhook_url(channel: ChannelFacts) -> str:
    """Where Chatwoot is to send the channel's events."""
    return f"{settings.PUBLIC_URL}/webhooks/{PROVIDER}/{channel.uuid}"


def _unreachable(name: str, exc: ProviderError) -> Check:
    return Check(
        name,
        is_ok=False,
        detail=str(exc),
        hint=gettext("Is the address right, and may this service reach it?"),
    )
