"""The encoders that turn texts into vectors, one file each."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.conf import settings

from core.exceptions import ProviderError
from knowledge.embedders.gemini import Gemini
from knowledge.embedders.local import Local
from knowledge.embedders.openai import OpenAI

if TYPE_CHECKING:
    from collections.abc import Callable

    from knowledge.embedders.base import Embedder

logger = logging.getLogger(__name__)

OFF: Final = "off"


def _local() -> Embedder:
    folder = settings.EMBEDDINGS_FOLDER
    languages = frozenset(settings.EMBEDDINGS_LANGUAGES) or None
    return Local(Path(folder) if folder else None, languages)


def _openai() -> Embedder:
    return OpenAI(
        model=settings.EMBEDDINGS_MODEL,
        url=settings.EMBEDDINGS_BASE_URL or settings.OPENAI_BASE_URL,
        api_key=settings.EMBEDDINGS_API_KEY or settings.OPENAI_API_KEY,
        dimensions=settings.EMBEDDINGS_DIMENSIONS,
    )


def _gemini() -> Embedder:
    return Gemini(
        model=settings.EMBEDDINGS_MODEL,
        url=settings.EMBEDDINGS_BASE_URL or settings.GEMINI_BASE_URL,
        api_version=settings.GEMINI_API_VERSION,
        api_key=settings.EMBEDDINGS_API_KEY or settings.GEMINI_API_KEY,
        dimensions=settings.EMBEDDINGS_DIMENSIONS,
    )


REGISTRY: Final[dict[str, Callable[[], Embedder]]] = {
    "gemini": _gemini,
    "local": _local,
    "openai": _openai,
}

#: Everything that makes an encoder what it is.
_SETTINGS: Final = (
    "EMBEDDINGS",
    "EMBEDDINGS_FOLDER",
    "EMBEDDINGS_LANGUAGES",
    "EMBEDDINGS_MODEL",
    "EMBEDDINGS_DIMENSIONS",
    "EMBEDDINGS_BASE_URL",
    "EMBEDDINGS_API_KEY",
    "OPENAI_BASE_URL",
    "OPENAI_API_KEY",
    "GEMINI_BASE_URL",
    "GEMINI_API_VERSION",
    "GEMINI_API_KEY",
)
_lock = threading.Lock()
#: The encoder, or that there is none, by the settings it was made from.
_made: dict[str, Embedder | None] = {}


def current() -> Embedder | None:
    """The configured encoder; None where there is none or it cannot be loaded.

    Takes a third of a second the first time, so not on an event loop.
    """
    name = _configuration()
    with _lock:
        if name not in _made:
            _made[name] = _make()
        return _made[name]


def is_made() -> bool:
    """Whether `current()` answers at once."""
    return _configuration() in _made


def clear() -> None:
    """Forget what was loaded, as between tests."""
    _made.clear()


def _configuration() -> str:
    return repr([getattr(settings, name) for name in _SETTINGS])


def _make() -> Embedder | None:
    make = REGISTRY.get(settings.EMBEDDINGS)
    try:
        return make() if make else None
    except ProviderError as exc:
        logger.warning("Knowledge is found by words alone: %s", exc)
        return None
