"""What OpenAI and compatible servers say when they refuse, as our errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from ai_model.providers.reading import UNREADABLE, object_of
from core import http
from core.exceptions import PermanentProviderError, TemporaryProviderError

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    import openai

    from core.calls import Response
    from core.exceptions import ProviderError

#: The provider, as we name it.
KEY: Final = "openai"
#: Error codes that another try would meet again, whatever the status says.
_FINAL_CODES: Final = frozenset({"insufficient_quota", "billing_hard_limit_reached"})


def refused_field(error: ProviderError, optional: AbstractSet[str]) -> str:
    """The one of these fields that a refusal is about, or nothing.

    OpenAI names it; of compatible servers some only mention it.
    """
    cause = error.__cause__
    if error.status not in (400, 422):
        return ""
    named = str(getattr(cause, "param", None) or "").partition(".")[0]
    if named in optional:
        return named
    said = str(getattr(cause, "message", ""))
    # "text" and "reasoning" are too common as words.
    mentioned = (each for each in sorted(optional) if "_" in each and each in said)
    return "" if named else next(mentioned, "")


def from_sdk(error: openai.APIError) -> ProviderError:
    """What the SDK raised, as one of ours."""
    response: Response | None = getattr(error, "response", None)
    code = error.code or error.type
    if response is None:
        cause = error.__cause__
        if isinstance(cause, Exception):
            return http.error_from_exception(cause, provider=KEY)
        return of_body({"code": code})
    return of_response(response, code)


class Refusal(Exception):
    """What the body of a refusal says."""

    def __init__(self, code: str | None, param: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.param = param
        self.message = message

    @classmethod
    def of(cls, response: Response) -> Refusal:
        """Reads it; a body that is no JSON says nothing."""
        try:
            found = object_of(orjson.loads(response.content)).get("error")
        except UNREADABLE:
            found = None
        said = found if isinstance(found, dict) else {}
        code = said.get("code") or said.get("type")
        return cls(
            str(code) if code else None,
            str(said.get("param") or ""),
            response.text[:2000],
        )


def of_response(response: Response, code: str | None) -> ProviderError:
    """A refusal with its status; `code` is what its body says."""
    found = http.error_from_response(response, provider=KEY)
    kind = PermanentProviderError if code in _FINAL_CODES else type(found)
    return kind(
        str(found),
        provider=KEY,
        status=found.status,
        retry_after=found.retry_after,
        code=code,
    )


def of_body(error: object) -> ProviderError:
    """An error that came inside an answer of status 200."""
    code = str(error.get("code") or "") if isinstance(error, dict) else ""
    kind = PermanentProviderError if code in _FINAL_CODES else TemporaryProviderError
    return kind("openai could not write an answer.", provider=KEY, code=code)
