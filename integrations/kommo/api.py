"""Calls to one account of Kommo: its token, its limit, its words for what went wrong."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

from core import http, rates
from core.exceptions import (
    CredentialsRefused,
    PermanentProviderError,
    ProviderError,
    TemporaryProviderError,
)
from integrations.kommo import grants

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.calls import Response
    from integrations.adapters.base import ChannelFacts

PROVIDER: Final = "kommo"
#: An account takes seven calls a second, and locks out who ignores that. Calls are
#: counted when they leave and not when they arrive, so one is kept back.
LIMIT = (rates.Rate(6, 1),)
_LONGEST_WAIT_S: Final = 1.5
#: What a refusal means for the owner, where Kommo's own words do not say it.
_WORDS: Final = {
    401: "Kommo does not accept our token any more; connect the account again.",
    402: "The Kommo account is not paid.",
    403: "Kommo refuses us: the token needs an administrator's rights.",
}
#: Nothing gets better before the owner acts.
_OWNERS: Final = frozenset({401, 402, 403})


class NotThere(PermanentProviderError):
    """404: the bot does not wait any more, or there is no such row."""


class Api:
    """Calls with the token of one channel."""

    def __init__(self, channel: ChannelFacts, host: str) -> None:
        self._channel = channel
        self._host = host

    async def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
    ) -> Any:
        """The answer's JSON, {} where it has none; raises `ProviderError`.

        A token that was refused is renewed once.
        """
        await self._wait_for_room()
        token = await grants.token_of(self._channel, self._host)
        response = await self._send(method, path, token, json, params)
        if response.status_code == 401:
            token = await grants.renewed(self._channel, self._host, token)
            response = await self._send(method, path, token, json, params)
        if response.status_code >= 300:
            raise error_of(response)
        return _json_of(response)

    async def _send(
        self,
        method: str,
        path: str,
        token: str,
        json: Any,
        params: Mapping[str, Any] | None,
    ) -> Response:
        return await http.request(
            method,
            f"{base_url(self._host)}{path}",
            provider=PROVIDER,
            trusted=bool(settings.KOMMO_BASE_URL),
            headers={"Authorization": f"Bearer {token}"},
            json=json,
            params=params,
            check=False,
        )

    async def _wait_for_room(self) -> None:
        bucket = rates.Bucket(f"kommo.{self._host}", LIMIT)
        # Once: whoever waits in a queue of others is better put back.
        wait_s = await asyncio.to_thread(rates.take, [bucket])
        if 0 < wait_s <= _LONGEST_WAIT_S:
            await asyncio.sleep(wait_s)
            wait_s = await asyncio.to_thread(rates.take, [bucket])
        if wait_s:
            raise TemporaryProviderError(
                "Kommo takes seven calls a second; this one has to wait.",
                provider=PROVIDER,
                retry_after=wait_s,
            )


def base_url(host: str) -> str:
    """Where calls for an account go: to it, or to what stands in for Kommo."""
    return settings.KOMMO_BASE_URL.rstrip("/") or f"https://{host}"


def error_of(response: Response) -> ProviderError:
    """The error that an answer of 300 or above stands for, in words for the owner."""
    status = response.status_code
    if status == 404:
        return NotThere("Kommo has no such bot or row.", provider=PROVIDER, status=404)
    if status in _OWNERS:
        return CredentialsRefused(_WORDS[status], provider=PROVIDER, status=status)
    error = http.error_from_response(response, provider=PROVIDER, repeatable=False)
    if status == 429:
        error.retry_after = max(1.0, error.retry_after or 0.0)
    if status == 400:
        return PermanentProviderError(
            f"Kommo refused our call: {_reason(response)}",
            provider=PROVIDER,
            status=status,
        )
    return error


def _reason(response: Response) -> str:
    """The codes of a problem document, or its title."""
    try:
        problem = http.json_of(response, provider=PROVIDER)
        found = [
            f"{error.get('path', '')} {error.get('code', '')}".strip()
            for group in problem.get("validation-errors", [])
            for error in group.get("errors", [])
        ]
        return "; ".join(found) or str(problem.get("detail") or problem.get("title"))
    except (ProviderError, AttributeError, TypeError):
        return "no reason given"


def _json_of(response: Response) -> Any:
    """`bots/run` answers "Accepted", and what is empty answers 204."""
    if "json" not in response.headers.get("content-type", ""):
        return {}
    return http.json_of(response, provider=PROVIDER) if response.content else {}
