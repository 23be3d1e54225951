"""Encrypted columns: what is stored is ciphertext, what is read back is the value."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


@lru_cache(maxsize=8)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key.strip()) for key in keys])
    except ValueError as exc:
        raise ImproperlyConfigured(
            "FIELD_ENCRYPTION_KEYS must be url-safe base64 of 32 bytes each; "
            "`python -m core.keys` prints a good one."
        ) from exc


def cipher() -> MultiFernet:
    """The cipher over the configured keys; the first one encrypts."""
    return _cipher(tuple(settings.FIELD_ENCRYPTION_KEYS))


@lru_cache(maxsize=512)
def _decrypted(value: str, keys: tuple[str, ...]) -> bytes:
    """What was encrypted; many rows of one statement often share one channel."""
    return _cipher(keys).decrypt(value.encode())


class EncryptedJSONField(models.TextField):  # type: ignore[type-arg]
    """A JSON object, encrypted at rest.

    Raises `ImproperlyConfigured` when no configured key can read a stored value.
    """

    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def get_prep_value(self, value: Any) -> str | None:
        if value is None:
            return None
        return cipher().encrypt(json.dumps(value).encode()).decode()

    def from_db_value(self, value: str | None, *_: object) -> Any:
        if value is None:
            return None
        try:
            return json.loads(_decrypted(value, tuple(settings.FIELD_ENCRYPTION_KEYS)))
        except InvalidToken as exc:
            raise ImproperlyConfigured(
                f"{self.model._meta.label}.{self.name} was encrypted with a key that "
                "is not in FIELD_ENCRYPTION_KEYS; add that key to the end of the list."
            ) from exc

    def value_to_string(self, obj: models.Model) -> str:
        """Fixtures get the ciphertext, never the value."""
        return self.get_prep_value(self.value_from_object(obj)) or ""

    def to_python(self, value: Any) -> Any:
        return value
