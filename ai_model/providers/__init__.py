"""The providers that write answers, one file each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ai_model.providers import models as models
from ai_model.providers.gemini import Gemini
from ai_model.providers.local import Local
from ai_model.providers.openai import OpenAI

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_stubs_ext import StrOrPromise

    from ai_model.providers.base import Provider

REGISTRY: Final[dict[str, Provider]] = {
    "gemini": Gemini(),
    "local": Local(),
    "openai": OpenAI(),
}


def get(key: str) -> Provider:
    """The provider of that key; raises KeyError."""
    return REGISTRY[key]


def choices() -> list[tuple[str, StrOrPromise]]:
    """Keys and labels, for forms."""
    return [(key, provider.label) for key, provider in REGISTRY.items()]


def usable(chain: Iterable[str]) -> list[Provider]:
    """The configured providers of a chain, in its order; unknown keys are left out."""
    found = [REGISTRY[key] for key in chain if key in REGISTRY]
    return [provider for provider in found if provider.is_configured()]


def prepare() -> None:
    """Load what the first calls need, at start-up and off the loop."""
    for provider in usable(REGISTRY):
        provider.prepare()


async def aclose() -> None:
    """Close what the running loop's providers keep open."""
    for provider in REGISTRY.values():
        await provider.aclose()
