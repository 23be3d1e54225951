"""The tokens (JWT) with which Kommo signs its calls."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING, Any, Final

from core.exceptions import InvalidPayload, InvalidSignature
from integrations.kommo import hosts

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The documentation says the first; bots were seen to use the second.
ALGORITHMS: Final = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}
LEEWAY_S: Final = 60
_LONGEST: Final = 8000
#: What a token calls leads and contacts.
_ENTITIES: Final = {"2": "lead", "leads": "lead", "1": "contact", "contacts": "contact"}


def verify(token: str, credentials: Mapping[str, str]) -> dict[str, Any]:
    """What a genuine token for this channel says; raises `InvalidSignature`.

    Several secrets, separated by commas, allow rotation.
    """
    header, claims = _part(token, 0), claims_of(token)
    algorithm = ALGORITHMS.get(str(header.get("alg")))
    if algorithm is None:
        raise InvalidSignature("The token is missing, or signed in an unknown way.")
    signed, _, given = token.rpartition(".")
    secrets = credentials.get("secret_key", "").split(",")
    expected = [
        _encoded(hmac.new(secret.strip().encode(), signed.encode(), algorithm).digest())
        for secret in secrets
        if secret.strip()
    ]
    matches = [hmac.compare_digest(given.encode(), each) for each in expected]
    if not any(matches):
        raise InvalidSignature("The token is not signed with the integration's secret.")
    _check_time(claims)
    _check_owner(claims, credentials)
    return claims


def claims_of(token: str) -> dict[str, Any]:
    """What a token says, without asking whether it is genuine."""
    return _part(token, 1)


def make(claims: Mapping[str, Any], secret: str, algorithm: str = "HS256") -> str:
    """A token as Kommo makes them, for its stand-in."""
    header = json.dumps({"typ": "JWT", "alg": algorithm}).encode()
    signed = _encoded(header) + b"." + _encoded(json.dumps(dict(claims)).encode())
    made = hmac.new(secret.encode(), signed, ALGORITHMS[algorithm]).digest()
    return (signed + b"." + _encoded(made)).decode()


def entity_of(claims: Mapping[str, Any]) -> tuple[str, str]:
    """Kind and number of what the bot runs on; empty where the token does not say."""
    kind = _ENTITIES.get(str(claims.get("entity_type", "")), "")
    number = str(claims.get("entity_id") or "")
    is_number = number.isascii() and number.isdecimal() and len(number) <= 18
    return (kind, number) if kind and is_number else ("", "")


def _part(token: str, place: int) -> dict[str, Any]:
    """Header or claims; empty for what is no token."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > _LONGEST or not token.isascii():
        return {}
    padded = parts[place] + "=" * (-len(parts[place]) % 4)
    try:
        found = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _check_time(claims: Mapping[str, Any]) -> None:
    now = time.time()
    end, start = claims.get("exp"), claims.get("nbf", 0)
    # A token without an end would be good for ever.
    if not _is_number(end) or not _is_number(start):
        raise InvalidSignature("The token does not say how long it is good.")
    if not start - LEEWAY_S <= now <= end + LEEWAY_S:
        raise InvalidSignature("The token is not good any more, or not yet.")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_owner(claims: Mapping[str, Any], credentials: Mapping[str, str]) -> None:
    """It names our integration, and the account that this channel is connected to."""
    named = (
        (claims.get("client_uuid") or claims.get("client_uid"), "integration_id"),
        (claims.get("account_id"), "account_id"),
        (_host(claims.get("iss")), "host"),
    )
    for given, name in named:
        ours = credentials.get(name)
        if given and ours and str(given) != ours:
            raise InvalidSignature("The token is another account's or integration's.")


def _host(issuer: object) -> str:
    """The account's host that an issuer names; `-` for one that is no account."""
    if not issuer:
        return ""
    try:
        return hosts.account_host(str(issuer))
    except InvalidPayload:
        return "-"
