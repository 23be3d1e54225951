"""The token in a link: a signed JWT that names one link, contact, address and channel."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import jwt
from django.conf import settings

if TYPE_CHECKING:
    from conversations.models import VerificationLink

_ALGORITHM: Final = "HS256"
_PURPOSE: Final = "answerdesk:verify-email"


class Tampered(Exception):
    """Nobody here has made this token, or not for what it is used."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token of ours says."""

    link: uuid.UUID
    contact: str
    email: str
    channel: str

    def fit(self, link: VerificationLink) -> bool:
        """Whether the token was made for this row as it stands."""
        contact = link.contact
        known = (str(contact.uuid), link.email, str(contact.channel.uuid))
        return (self.contact, self.email, self.channel) == known


def make(link: VerificationLink) -> str:
    """The token of a link, good for as long as its link."""
    claims = {
        "aud": _PURPOSE,
        "jti": str(link.uuid),
        "sub": str(link.contact.uuid),
        "email": link.email,
        "channel": str(link.contact.channel.uuid),
        "iat": link.created_at,
        "exp": link.expires_at,
    }
    return jwt.encode(claims, _keys()[0], algorithm=_ALGORITHM)


def read(token: str) -> Claims:
    """What a token says; raises `Tampered`. Whether it is still good says its row."""
    for key in _keys():
        try:
            found: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                audience=_PURPOSE,
                # The row knows, and an expired one may be exchanged for a new one.
                options={
                    "verify_exp": False,
                    "verify_iat": False,
                    "require": ["exp", "jti", "sub", "email", "channel"],
                },
            )
            return Claims(
                uuid.UUID(found["jti"]),
                str(found["sub"]),
                str(found["email"]),
                str(found["channel"]),
            )
        except (jwt.InvalidTokenError, ValueError, AttributeError):
            continue
    raise Tampered


def _keys() -> list[bytes]:
    """The newest signs; all of them are good. Bound to this purpose and long enough."""
    secrets = settings.VERIFICATION_SECRETS or [settings.SECRET_KEY]
    return [hashlib.sha256(f"{_PURPOSE}:{each}".encode()).digest() for each in secrets]
