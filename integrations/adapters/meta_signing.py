"""How Meta signs: a header over the bytes, or a form for who wants to be forgotten."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from core.exceptions import InvalidPayload, InvalidSignature

if TYPE_CHECKING:
    from integrations.adapters.base import WebhookRequest

#: The field of such a form.
DELETION: Final = "signed_request"


def require_signature(request: WebhookRequest, app_secret: str) -> None:
    """Raise `InvalidSignature` unless one of these secrets has signed it.

    Several secrets, separated by commas, allow rotation.
    """
    if is_deletion(request.body):
        signature, signed = _parts_of(request.body)
    else:
        given = request.headers.get("x-hub-signature-256", "")
        signature, signed = given.removeprefix("sha256="), request.body
        if signature == given:
            raise InvalidSignature("The signature is missing.")
    made = (
        hmac.new(each.strip().encode(), signed, hashlib.sha256).hexdigest()
        for each in app_secret.split(",")
        if each.strip()
    )
    if not any(hmac.compare_digest(signature.encode(), each.encode()) for each in made):
        raise InvalidSignature("The signature does not match.")


def is_deletion(body: bytes) -> bool:
    """Whether a person wants to be forgotten."""
    return body.startswith(f"{DELETION}=".encode())


def words_of_deletion(body: bytes) -> bytes:
    """What such a request says; raises `InvalidPayload`."""
    return _unpacked(_parts_of(body)[1])


def _parts_of(body: bytes) -> tuple[str, bytes]:
    """The signature, in hex, and what it signs."""
    try:
        form = parse_qs(body.decode("ascii"))
    except ValueError as exc:
        raise InvalidPayload("The request is not a form.") from exc
    signature, _dot, signed = form.get(DELETION, [""])[0].partition(".")
    return _unpacked(signature.encode()).hex(), signed.encode()


def _unpacked(text: bytes) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except (ValueError, binascii.Error) as exc:
        raise InvalidPayload("The request is not signed as Meta does.") from exc
