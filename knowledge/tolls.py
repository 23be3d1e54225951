"""Encoders that are paid for: who is asked before, and told after."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, Protocol

from knowledge.signals import encoding_wanted, texts_encoded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from knowledge.embedders.base import Embedder

#: Services do not all say what they read; a token has about so many bytes.
_BYTES_PER_TOKEN: Final = 4


class Toll(Protocol):
    """Whoever pays for a question that is encoded."""

    async def admits(self, provider: str, model: str, tokens: int) -> bool:
        """Whether it may be."""

    def encoded(self, provider: str, model: str, tokens: int, latency_ms: int) -> None:
        """Take down that it was."""


def tokens_of(texts: Iterable[str]) -> int:
    """About how many tokens a service reads."""
    return sum(len(each.encode()) // _BYTES_PER_TOKEN + 1 for each in texts)


def may_encode(account_id: int, encoder: Embedder) -> bool:
    """Whether an account's texts may go to the encoder now."""
    if encoder.billed is None:
        return True
    asked: Any = encoding_wanted.send(sender=None, account_id=account_id)
    return all(said is not False for _receiver, said in asked)


def tell(
    account_id: int, encoder: Embedder, texts: Iterable[str], started: float
) -> None:
    """Tell that an account's texts were encoded; `started` is of `time.perf_counter`."""
    if encoder.billed is None:
        return
    provider, model = encoder.billed
    texts_encoded.send(
        sender=None,
        account_id=account_id,
        provider=provider,
        model=model,
        tokens=tokens_of(texts),
        latency_ms=round((time.perf_counter() - started) * 1000),
    )
