"""The secrets of an embedded installation, made once and kept beside its data."""

from __future__ import annotations

import base64
import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


FILE_NAME = "keys.env"


def generate() -> dict[str, str]:
    """Fresh values for the secrets that settings require."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "FIELD_ENCRYPTION_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),
    }


def ensure(folder: Path) -> None:
    """Write fresh secrets into the data folder unless they are there."""
    path = folder / FILE_NAME
    if path.exists():
        return
    text = "".join(f"{name}={value}\n" for name, value in generate().items())
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    for name, value in generate().items():
        print(f"{name}={value}")  # noqa: T201 (the command's output)
