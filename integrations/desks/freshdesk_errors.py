"""What Freshdesk's refusals mean: https://developers.freshdesk.com/api/#error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core import http
from core.exceptions import (
    PermanentProviderError,
    ProviderError,
    TemporaryProviderError,
    UncertainProviderError,
)
from core.text import clean_text, truncate

if TYPE_CHECKING:
    from core.calls import Response

#: Codes of errors: the ticket is no more; there is no such requester.
GONE: Final = "gone"
NOBODY: Final = "no_such_requester"
_REFUSALS: Final = {
    401: "Freshdesk does not accept the API key.",
    403: "The agent of this API key may not do this, or the plan does not hold it.",
    404: "Freshdesk does not know this ticket.",
    405: "The ticket is in Freshdesk's bin or spam.",
}


def error_of(response: Response, *, is_repeatable: bool) -> ProviderError:
    """The error that a refusal stands for, in the desk's own words."""
    status = response.status_code
    general = http.error_from_response(
        response, provider="freshdesk", repeatable=is_repeatable
    )
    if status >= 500 and not is_repeatable:
        # It may have broken after it had stored the ticket.
        return UncertainProviderError(str(general), provider="freshdesk", status=status)
    if isinstance(general, TemporaryProviderError):
        return general
    is_page = "html" in response.headers.get("content-type", "")
    code, text = None, _REFUSALS.get(status, str(general))
    if status == 404 and is_page:
        code, text = "no_such_desk", "There is no Freshdesk of this domain."
    elif status in (404, 405):
        code = GONE
    elif words := _words(response):
        is_requester = status == 400 and words.startswith(("email:", "unique_external"))
        code = NOBODY if is_requester else None
        text = words if status == 400 else f"{text} ({words})"
    return PermanentProviderError(text, provider="freshdesk", status=status, code=code)


def _words(response: Response) -> str:
    """What is wrong with each field, or whatever the desk said."""
    try:
        said = http.json_of(response, provider="freshdesk")
    except TemporaryProviderError:
        return ""
    if not isinstance(said, dict):
        return ""
    problems = [
        f"{each.get('field', '')}: {each.get('message', '')}".removeprefix(": ")
        for each in said.get("errors") or ()
        if isinstance(each, dict)
    ]
    words = "; ".join(problems) or said.get("description") or said.get("message") or ""
    return truncate(clean_text(str(words)), 500)
