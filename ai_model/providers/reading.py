"""What the providers share in reading answers and naming what is wrong with them."""

from __future__ import annotations

import hashlib
from typing import Any

from core.exceptions import TemporaryProviderError

Json = dict[str, Any]
#: What reading JSON of an unexpected shape raises.
UNREADABLE = (ValueError, TypeError, LookupError, AttributeError)


def object_of(value: object) -> Json:
    """A JSON object; raises TypeError for anything else."""
    if not isinstance(value, dict):
        raise TypeError("The answer is not a JSON object.")
    return value


def digest(*credentials: str) -> str:
    """An opaque name of a key and the address it is used at."""
    return hashlib.sha256("\n".join(credentials).encode()).hexdigest()[:16]


def malformed(provider: str) -> TemporaryProviderError:
    """The answer is no JSON, or not of the documented shape."""
    return TemporaryProviderError(
        f"{provider} answered with something unreadable.",
        provider=provider,
        code="malformed_answer",
    )


def broken_off(provider: str) -> TemporaryProviderError:
    """The answer ended without saying that it was done."""
    return TemporaryProviderError(
        f"{provider} stopped in the middle of its answer.",
        provider=provider,
        code="stream_cut",
    )
