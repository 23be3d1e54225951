"""Origins of pages, as browsers name them."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_HOST: Final = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*|[0-9a-f:]+:[0-9a-f:.]*")


def parse(text: str) -> str:
    """An origin as a browser sends it: `scheme://host[:port]`; raises `ValueError`."""
    parts = urlsplit(text.strip())
    host, port = parts.hostname or "", parts.port
    plain = host.encode("idna").decode() if not host.isascii() else host
    is_whole = text.strip().lower() == f"{parts.scheme}://{parts.netloc}".lower()
    if (
        parts.scheme not in _DEFAULT_PORTS
        or not is_whole
        or parts.netloc.endswith(":")
        or "@" in parts.netloc
        or not _HOST.fullmatch(plain)
    ):
        raise ValueError(f"“{text}” is not an origin")
    shown = f"[{plain}]" if ":" in plain else plain
    is_default = port in (None, _DEFAULT_PORTS[parts.scheme])
    return f"{parts.scheme}://{shown}" + ("" if is_default else f":{port}")
