"""Calls of Telegram's Bot API, and what its refusals mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

from core import http
from core.exceptions import (
    ConversationGone,
    CredentialsRefused,
    TemporaryProviderError,
    UncertainProviderError,
)
from integrations.adapters.rows import Row, part, words

if TYPE_CHECKING:
    from core.calls import Response

PROVIDER: Final = "telegram"
#: Whoever reads this under a refusal wants to hear nothing more.
_GONE: Final = ("chat not found", "user is deactivated", "PEER_ID_INVALID")


async def call(
    token: str, method: str, values: Row | None = None, *, repeatable: bool = True
) -> Any:
    """The result of a method; raises `ProviderError`. An upgraded group is followed."""
    response = await http.request(
        "POST",
        f"{_base()}/bot{token}/{method}",
        provider=PROVIDER,
        trusted=True,
        repeatable=repeatable,
        json=values or {},
        check=False,
    )
    said = _body(response)
    if response.status_code < 300:
        if said.get("ok") is True:
            return said.get("result")
        kind = TemporaryProviderError if repeatable else UncertainProviderError
        raise kind("Something else answered than Telegram.", provider=PROVIDER)
    moved = part(said, "parameters").get("migrate_to_chat_id")
    if values and isinstance(moved, int) and moved != values.get("chat_id"):
        values = {**values, "chat_id": moved}
        return await call(token, method, values, repeatable=repeatable)
    raise _error(response, said, repeatable=repeatable)


async def read_file(token: str, path: str, *, most: int) -> bytes:
    """The bytes of a file, at the path that `getFile` gave."""
    response = await http.request(
        "GET",
        f"{_base()}/file/bot{token}/{path}",
        provider=PROVIDER,
        trusted=True,
        max_bytes=most,
    )
    return response.content


def _base() -> str:
    return str(settings.TELEGRAM_BASE_URL).rstrip("/")


def _body(response: Response) -> Row:
    try:
        said = http.json_of(response, provider=PROVIDER)
    except TemporaryProviderError:
        return {}
    return said if isinstance(said, dict) else {}


def _error(response: Response, said: Row, *, repeatable: bool) -> Exception:
    """The error that a refusal stands for, in Telegram's words."""
    text = words(said, "description")
    status = response.status_code
    if status in (401, 404):
        return CredentialsRefused(
            "Telegram does not accept the token of the bot.",
            provider=PROVIDER,
            status=status,
        )
    if status == 403 or (status == 400 and any(each in text for each in _GONE)):
        return ConversationGone(text, provider=PROVIDER, status=status)
    error = http.error_from_response(response, provider=PROVIDER, repeatable=repeatable)
    if text:
        error.args = (text,)
    wait = part(said, "parameters").get("retry_after")
    if isinstance(wait, int) and not isinstance(wait, bool):
        error.retry_after = float(wait)
    return error
