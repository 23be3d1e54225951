"""Calls of Meta's Graph API, and what its refusals mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.conf import settings

from core import http
from core.exceptions import (
    ConversationGone,
    CredentialsRefused,
    PermanentProviderError,
    ProviderError,
    ReplyWindowClosed,
    TemporaryProviderError,
    ThreadTaken,
    UncertainProviderError,
)
from integrations.adapters.rows import Row, part, words

if TYPE_CHECKING:
    from core.calls import Response

#: Codes of refusals that stand for something else than "do not repeat this".
_ERRORS: Final[dict[int, type[ProviderError]]] = {
    **dict.fromkeys((190, 463, 467), CredentialsRefused),
    **dict.fromkeys((551, 2018001), ConversationGone),
    **dict.fromkeys((2018278, 131047), ReplyWindowClosed),
    2018300: ThreadTaken,
    **dict.fromkeys((1, 2, 4, 17, 32, 613, 80007), TemporaryProviderError),
    **dict.fromkeys((130429, 131048, 131056), TemporaryProviderError),
}
#: One message every six seconds to one customer.
_PAIR_LIMIT: Final = 131056


@dataclass(frozen=True, slots=True)
class GraphApi:
    """One account's way to the API."""

    provider: str
    host: str
    token: str

    async def call(
        self,
        method: str,
        path: str,
        body: Row | None = None,
        *,
        repeatable: bool | None = None,
        **params: str,
    ) -> Row:
        """The answer of the Graph API; raises `ProviderError`."""
        base = settings.META_GRAPH_BASE_URL or self.host
        may_repeat = method == "GET" if repeatable is None else repeatable
        response = await http.request(
            method,
            f"{base.rstrip('/')}/{settings.META_GRAPH_VERSION}/{path}",
            provider=self.provider,
            trusted=True,
            headers={"Authorization": f"Bearer {self.token}"},
            repeatable=may_repeat,
            params=params or None,
            json=body,
            check=False,
        )
        said = _body(response)
        if response.status_code < 300 and said:
            return said
        if response.status_code < 300:
            kind = TemporaryProviderError if may_repeat else UncertainProviderError
            raise kind("Something else answered than Meta.", provider=self.provider)
        raise self._error(response, part(said, "error"), repeatable=may_repeat)

    def _error(
        self, response: Response, said: Row, *, repeatable: bool
    ) -> ProviderError:
        """The error that a refusal stands for, in Meta's words."""
        codes = [said.get("error_subcode"), said.get("code")]
        kind = next((_ERRORS[each] for each in codes if each in _ERRORS), None)
        plain = http.error_from_response(
            response, provider=self.provider, repeatable=repeatable
        )
        text = words(said, "message") or str(plain)
        if kind is None and isinstance(plain, PermanentProviderError):
            kind = PermanentProviderError
        wait = plain.retry_after
        if wait is None and _PAIR_LIMIT in codes:
            wait = 6.0
        return (kind or type(plain))(
            text, provider=self.provider, status=plain.status, retry_after=wait
        )


def _body(response: Response) -> Row:
    try:
        said = http.json_of(response, provider="meta")
    except TemporaryProviderError:
        return {}
    return said if isinstance(said, dict) else {}
