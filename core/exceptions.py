"""The one family of errors. `str(error)` is fit to be shown to whoever made the call."""

from __future__ import annotations

from typing import Final

from django.core.exceptions import SuspiciousOperation


class AppError(Exception):
    """A rule of the product or an outside service said no."""

    code = "error"
    status_code = 400


class InvalidSignature(AppError, SuspiciousOperation):
    """A request is unsigned, wrongly signed or not from whom it claims to be."""

    code = "invalid_signature"
    status_code = 401


class InvalidPayload(AppError, SuspiciousOperation):
    """A request's body is not what its sender promised to send."""

    code = "invalid_payload"
    status_code = 400


class NotAllowed(AppError):
    """The caller is known but may not do this."""

    code = "not_allowed"
    status_code = 403


class Conflict(AppError):
    """The row is not in a state in which this can be done."""

    code = "conflict"
    status_code = 409


class RateLimited(AppError):
    """Too many calls; try again after `retry_after` seconds."""

    code = "rate_limited"
    status_code = 429

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


#: What people call a service where it is more than its key with a capital letter.
_NAMES: Final = {
    "email": "The mail server",
    "imap": "The mailbox",
    "openai": "OpenAI",
    "ourselves": "Our own address",
    "teams": "Microsoft Teams",
    "whatsapp": "WhatsApp",
}


class ProviderError(AppError):
    """An outside service failed or refused.

    `provider` is its key (`"chatwoot"`), `retry_after` the seconds it asked us to
    wait, `code` its own error code where it gave one. A message that begins with the
    key is shown with the name.
    """

    code = "provider_error"
    status_code = 502

    def __init__(
        self,
        message: str,
        *,
        provider: str,
        retry_after: float | None = None,
        code: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(_named(message, provider))
        self.provider = provider
        self.retry_after = retry_after
        self.status = status
        if code:
            self.code = code


def _named(message: str, provider: str) -> str:
    said = message.removeprefix(provider)
    if said == message or said[:1] not in {" ", ":"}:
        return message
    # A website is its own name.
    name = provider.capitalize() if provider.isalpha() else provider
    return _NAMES.get(provider, name) + said


class TemporaryProviderError(ProviderError):
    """Network trouble, timeout, 408, 429 or 5xx: worth another try."""

    code = "provider_unavailable"


class UncertainProviderError(TemporaryProviderError):
    """The request left, but no answer came: the service may have acted on it."""

    code = "provider_uncertain"


class PermanentProviderError(ProviderError):
    """Any other refusal: the same call would be refused again."""

    code = "provider_refused"


class CredentialsRefused(PermanentProviderError):
    """401: our key or token is not, or no longer, good. The owner must act."""


class ConversationGone(PermanentProviderError):
    """The thread was deleted over there, or its contact has blocked us: it ends."""

    code = "conversation_gone"


class ReplyWindowClosed(PermanentProviderError):
    """The contact wrote too long ago for the provider to let us reply."""

    code = "window_closed"


class ThreadTaken(PermanentProviderError):
    """Another app of the provider's has the thread, and people reply there."""

    code = "thread_taken"
