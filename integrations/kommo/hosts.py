"""Which addresses are Kommo's, and this account's. They are the caller's words."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from core.exceptions import InvalidPayload

#: Below these every account has one label of its own.
DOMAINS: Final = (("kommo", "com"), ("amocrm", "ru"), ("amocrm", "com"))
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z", re.ASCII)
#: Labels that are Kommo's own services, and no account's.
_NOT_ACCOUNTS: Final = frozenset({"www", "api", "amojo", "developers"})
_CONTINUE: Final = re.compile(
    r"/api/v4/(salesbot|marketingbot)/([0-9]{1,18})/continue/([A-Za-z0-9_-]{1,200})/?\Z",
    re.ASCII,
)
#: What a parser might read in another way than whoever connects.
_ODD: Final = re.compile(r"[^\x21-\x7e]|[\\@#]")


def account_host(text: str) -> str:
    """The host of an account, from it or its address; raises `InvalidPayload`."""
    name = text.strip().lower()
    if "://" not in name:
        name = f"https://{name}"
    try:
        host = urlsplit(name).hostname or ""
    except ValueError:
        host = ""
    label, *domain = host.split(".")
    if (
        tuple(domain) not in DOMAINS
        or not _LABEL.match(label)
        or label in _NOT_ACCOUNTS
    ):
        raise InvalidPayload(f"“{text[:100]}” is not the address of a Kommo account.")
    return host


def continue_path(url: str, host: str) -> str:
    """The path to call, of a `return_url`; empty: it is not this account's.

    Decided from the text alone, before any name is resolved.
    """
    if not host or len(url) > 500 or _ODD.search(url):
        return ""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme != "https" or port not in (None, 443) or parts.query:
        return ""
    if parts.netloc not in (host, f"{host}:443") or not _CONTINUE.match(parts.path):
        return ""
    return parts.path


def bot_of(path: str) -> str:
    """The number of the bot that waits behind a path of `continue_path`."""
    match = _CONTINUE.match(path)
    return match[2] if match else ""
