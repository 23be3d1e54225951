"""Tokens: a long-lived one that the owner has entered, or those of OAuth.

A refresh token is good once, and its answer holds the next. So a single worker renews
at a time: it holds the row by a conditional update, and no transaction spans the call.
Whoever else needs the token waits for what that worker stores.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from core import http
from core.exceptions import (
    CredentialsRefused,
    PermanentProviderError,
    TemporaryProviderError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from integrations.adapters.base import ChannelFacts
    from integrations.models import Grant

T = TypeVar("T")

_PROVIDER: Final = "kommo"
#: Seconds for which one worker renews alone; its call takes at most a third of them.
HOLD_S: Final = 30.0
_LOOK_S: Final = 0.1
#: A token is renewed this long before it ends.
_MARGIN: Final = dt.timedelta(minutes=5)
LOST: Final = (
    "Kommo does not know our refresh token any more; connect the account again."
)
NONE: Final = "The Kommo account is not connected yet."

#: Renewals under way in this process, by channel.
_renewals: Final = http.PerLoop[asyncio.Task[str]]()


async def token_of(channel: ChannelFacts, host: str) -> str:
    """A token that should be good; raises `CredentialsRefused` where there is none."""
    if token := channel.credentials.get("token"):
        return token
    grant = await _db(_load, channel.id)
    if grant is None:
        raise CredentialsRefused(NONE, provider=_PROVIDER)
    if grant.expires_at - _MARGIN > timezone.now():
        return str(grant.tokens["access_token"])
    return await renewed(channel, host, grant.tokens["access_token"])


async def renewed(channel: ChannelFacts, host: str, stale: str) -> str:
    """A token other than the stale one; raises `ProviderError`."""
    if channel.credentials.get("token") == stale:
        raise CredentialsRefused(
            "Kommo does not accept the long-lived token; make a new one.",
            provider=_PROVIDER,
            status=401,
        )
    here = _renewals.here()
    if channel.id not in here:
        task = asyncio.create_task(_renew(channel, host, stale))
        here[channel.id] = task
        task.add_done_callback(lambda _: here.pop(channel.id, None))
    # Who gives up waiting ends nothing for the others.
    return await asyncio.shield(here[channel.id])


async def _renew(channel: ChannelFacts, host: str, stale: str) -> str:
    for _ in range(round(HOLD_S / _LOOK_S) + 1):
        grant = await _db(_load, channel.id)
        if grant is None:
            raise CredentialsRefused(NONE, provider=_PROVIDER)
        if grant.tokens["access_token"] != stale:
            return str(grant.tokens["access_token"])
        until = timezone.now() + dt.timedelta(seconds=HOLD_S)
        if await _db(_hold, grant, until):
            return await _ask_anew(channel, host, grant, until)
        await asyncio.sleep(_LOOK_S)
    raise TemporaryProviderError(
        "Somebody else renews the token and does not come back.", provider=_PROVIDER
    )


async def _ask_anew(
    channel: ChannelFacts, host: str, grant: Grant, until: dt.datetime
) -> str:
    """Ask for new tokens with the row held, and keep both at once."""
    try:
        found = await ask(
            host,
            channel.credentials,
            {
                "grant_type": "refresh_token",
                "refresh_token": grant.tokens["refresh_token"],
            },
        )
    except PermanentProviderError as exc:
        # An earlier answer was lost on its way, or the owner took our rights away.
        await _db(_let_go, grant, until)
        raise CredentialsRefused(LOST, provider=_PROVIDER, status=401) from exc
    except TemporaryProviderError:
        await _db(_let_go, grant, until)
        raise
    await _db(_keep, grant.channel_id, found)
    return str(found["access_token"])


async def ask(
    host: str, credentials: Mapping[str, str], wanted: Mapping[str, str]
) -> dict[str, Any]:
    """Tokens for a code or a refresh token; raises `ProviderError`."""
    response = await http.request(
        "POST",
        f"{settings.KOMMO_BASE_URL.rstrip('/') or f'https://{host}'}/oauth2/access_token",
        provider=_PROVIDER,
        trusted=bool(settings.KOMMO_BASE_URL),
        json={
            "client_id": credentials.get("integration_id", ""),
            "client_secret": credentials.get("secret_key", "").split(",")[0].strip(),
            "redirect_uri": redirect_uri(),
            **wanted,
        },
    )
    found = http.json_of(response, provider=_PROVIDER)
    tokens = {"access_token", "refresh_token", "expires_in"}
    if not isinstance(found, dict) or not tokens <= found.keys():
        raise PermanentProviderError("Kommo gave no tokens.", provider=_PROVIDER)
    return found


def redirect_uri() -> str:
    """Where Kommo sends people back; the integration names it, letter by letter."""
    return f"{settings.PUBLIC_URL}/portal/kommo/callback/"


def keep(channel_id: int, found: Mapping[str, Any]) -> None:
    """Keep the tokens of a new consent."""
    _keep(channel_id, found)


def forget(channel_id: int) -> None:
    """Forget the tokens of a channel."""
    _rows().filter(channel_id=channel_id).delete()


def _rows() -> Any:
    """All grants. By name: models know the adapters, and not the other way."""
    return apps.get_model("integrations", "Grant").objects


def _load(channel_id: int) -> Grant | None:
    found: Grant | None = _rows().filter(channel_id=channel_id).first()
    return found


def _hold(grant: Grant, until: dt.datetime) -> bool:
    """Whether this worker may renew what it has read."""
    free = Q(renewing_until=None) | Q(renewing_until__lt=timezone.now())
    rows = _rows().filter(free, pk=grant.pk, renewed_at=grant.renewed_at)
    return bool(rows.update(renewing_until=until))


def _let_go(grant: Grant, until: dt.datetime) -> None:
    rows = _rows().filter(pk=grant.pk, renewing_until=until)
    rows.update(renewing_until=None)


def _keep(channel_id: int, found: Mapping[str, Any]) -> None:
    now = timezone.now()
    _rows().update_or_create(
        channel_id=channel_id,
        defaults={
            "tokens": {
                "access_token": str(found["access_token"]),
                "refresh_token": str(found["refresh_token"]),
            },
            "expires_at": now + dt.timedelta(seconds=float(found["expires_in"])),
            "renewed_at": now,
            "renewing_until": None,
        },
    )


async def _db(function: Callable[..., T], *args: object) -> T:
    """Call it in a thread, with a connection of its own that is closed again."""

    def alone() -> T:
        try:
            return function(*args)
        finally:
            connection.close()

    return await asyncio.to_thread(alone)
