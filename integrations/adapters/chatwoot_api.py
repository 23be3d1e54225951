"""Calls of Chatwoot's account API, and what its refusals mean."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

from core import http
from core.exceptions import (
    ConversationGone,
    PermanentProviderError,
    TemporaryProviderError,
    UncertainProviderError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.calls import Response
    from core.exceptions import ProviderError

PROVIDER: Final = "chatwoot"
#: Seconds after which a conversation takes messages again, of which it had too many.
_CROWDED_S: Final = 60.0


def signature(secret: str, stamp: str, body: bytes) -> str:
    """As Chatwoot signs: over the timestamp and the raw body."""
    signed = stamp.encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


class Api:
    """The API as one channel may use it."""

    def __init__(self, credentials: Mapping[str, str]) -> None:
        self._credentials = credentials

    @property
    def is_operators(self) -> bool:
        """Whether the operator set the address: then it may be on this network."""
        return bool(self._credentials["base_url"] == settings.CHATWOOT_BASE_URL)

    def holds(self, url: str) -> bool:
        """Whether this is an address of the same Chatwoot."""
        return url.startswith(self._credentials["base_url"].rstrip("/") + "/")

    async def get(self, path: str, *, as_user: bool = False, **params: Any) -> Any:  # noqa: ANN401
        """Read something; raises `ProviderError`."""
        return await self._call("GET", path, as_user=as_user, params=params)

    async def post(
        self, path: str, body: Mapping[str, Any], *, is_repeatable: bool = True
    ) -> Any:  # noqa: ANN401
        """Do something; raises `ProviderError`."""
        return await self._call("POST", path, body=body, is_repeatable=is_repeatable)

    async def _call(
        self,
        method: str,
        path: str,
        *,
        as_user: bool = False,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        is_repeatable: bool = True,
    ) -> Any:  # noqa: ANN401
        known = self._credentials
        base = known["base_url"].rstrip("/")
        account = f"/api/v1/accounts/{known['account_id']}"
        response = await http.request(
            method,
            base + (path if path.startswith("/") else f"{account}/{path}"),
            provider=PROVIDER,
            trusted=self.is_operators,
            repeatable=is_repeatable,
            params=params or None,
            json=body,
            # Proxies drop the documented spelling with underscores.
            headers={
                "Api-Access-Token": known["user_token" if as_user else "bot_token"]
            },
            check=False,
        )
        if response.status_code >= 300:
            raise _refusal(response, path, is_repeatable=is_repeatable)
        if not response.content:
            return {}
        try:
            return http.json_of(response, provider=PROVIDER)
        except TemporaryProviderError as exc:
            if is_repeatable:
                raise
            # It said yes, but the answer is not Chatwoot's.
            raise UncertainProviderError(str(exc), provider=PROVIDER) from exc


def _refusal(response: Response, path: str, *, is_repeatable: bool) -> ProviderError:
    """The error that an answer of 300 or above stands for, in Chatwoot's words."""
    status, words = response.status_code, response.text[:500]
    if status == 401 and "for bots" in words:
        return PermanentProviderError(
            "The bot's token may not do this in Chatwoot.",
            provider=PROVIDER,
            code="not_for_bots",
            status=status,
        )
    if status == 404 and path.startswith("conversations/"):
        return ConversationGone(
            "The conversation does not exist in Chatwoot any more.",
            provider=PROVIDER,
            status=status,
        )
    if status == 422 and "Too many messages" in words:
        return TemporaryProviderError(
            "Too many messages in one conversation.",
            provider=PROVIDER,
            status=status,
            retry_after=_CROWDED_S,
        )
    return http.error_from_response(
        response, provider=PROVIDER, repeatable=is_repeatable
    )
