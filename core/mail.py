"""E-mail, through whichever backend Django is configured with; one attempt at a time.

Headers hold nothing that a contact wrote. Retries are up to the caller: what goes wrong
is a `ProviderError` that says whether the message can have left.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import smtplib
from dataclasses import dataclass
from email.utils import formataddr
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection

from core.exceptions import (
    PermanentProviderError,
    TemporaryProviderError,
    UncertainProviderError,
)
from core.text import clean_text, truncate

if TYPE_CHECKING:
    from uuid import UUID

    from core.exceptions import ProviderError

PROVIDER = "email"


@dataclass(frozen=True, slots=True)
class Mail:
    """A message to be sent."""

    #: The same for each attempt; names the message for good.
    reference: UUID
    to: tuple[str, ...]
    subject: str
    text: str
    html: str
    #: Whose name stands before our address.
    sender_name: str
    #: A program wrote it, not a person: no out-of-office reply is wanted.
    is_automatic: bool = True
    #: The message that began the thread in which this one stands.
    thread: UUID | None = None


def is_configured() -> bool:
    """Whether e-mail can be sent at all."""
    return bool(settings.DEFAULT_FROM_EMAIL)


async def send(mail: Mail) -> None:
    """Send once; raises `ProviderError`."""
    if not is_configured():
        raise PermanentProviderError("E-mail is not configured.", provider=PROVIDER)
    await asyncio.to_thread(_send, _message(mail))


def _message(mail: Mail) -> EmailMultiAlternatives:
    sender = settings.DEFAULT_FROM_EMAIL
    headers = {"Message-ID": _id(mail.reference), "Reply-To": sender}
    if mail.is_automatic:
        headers |= {
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
        }
    if mail.thread is not None:
        headers |= {"In-Reply-To": _id(mail.thread), "References": _id(mail.thread)}
    message = EmailMultiAlternatives(
        subject=_one_line(mail.subject),
        body=clean_text(mail.text),
        from_email=formataddr((_one_line(mail.sender_name), sender)),
        to=list(mail.to),
        headers=headers,
    )
    message.attach_alternative(clean_text(mail.html), "text/html")
    return message


def _id(reference: UUID) -> str:
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2]
    return f"<{reference}@{domain}>"


def _one_line(text: str) -> str:
    return truncate(" ".join(re.sub(r"[\x00-\x1f\x7f]", " ", text).split()), 200)


def _send(message: EmailMultiAlternatives) -> None:
    backend = get_connection()
    try:
        backend.open()
    except smtplib.SMTPAuthenticationError as exc:
        raise _refusal(exc) from exc
    except OSError as exc:
        # Also every other error of smtplib. Nothing has left.
        raise TemporaryProviderError(_words(exc), provider=PROVIDER) from exc
    try:
        backend.send_messages([message])
    except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as exc:
        raise _refusal(exc) from exc
    except OSError as exc:
        raise UncertainProviderError(
            "The mail server took the message, but did not say that it has it.",
            provider=PROVIDER,
        ) from exc
    finally:
        # What was accepted stays accepted, however the goodbye goes.
        with contextlib.suppress(OSError):
            backend.close()


def _refusal(
    exc: smtplib.SMTPResponseException | smtplib.SMTPRecipientsRefused,
) -> ProviderError:
    """The error that a "no" of the server stands for: 4xx may become a "yes"."""
    said: bytes | str
    if isinstance(exc, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(exc.recipients.values()))
    else:
        code, said = exc.smtp_code, exc.smtp_error
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    kind = TemporaryProviderError if 400 <= code < 500 else PermanentProviderError
    return kind(f"{code} {words}".strip(), provider=PROVIDER, code=str(code))


def _words(exc: OSError) -> str:
    return f"The mail server could not be reached: {exc}"
