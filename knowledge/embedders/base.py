"""The contract of an encoder: texts in, vectors out."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from core.exceptions import TemporaryProviderError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor

Floats = NDArray[np.float32]


class Embedder:
    """Base of all encoders. Raises only `core.exceptions.ProviderError`."""

    #: Name with version; vectors of different keys are never compared.
    key: str
    #: Length of its vectors; 0 where only its first answer will tell.
    dimensions: int
    #: Languages that it understands; None means any.
    languages: frozenset[str] | None = None
    #: Provider and model that are paid by the token; None: it runs here.
    billed: tuple[str, str] | None = None
    #: Texts that it is best given at once.
    batch: ClassVar[int] = 16

    def embed(self, texts: Sequence[str], *, are_queries: bool = False) -> Floats:
        """One row of unit length per text; blocks, so not on an event loop.

        Some encoders make other vectors of questions than of what answers them.
        """
        raise NotImplementedError

    async def aembed(
        self,
        texts: Sequence[str],
        *,
        are_queries: bool = False,
        timeout_s: float = 30.0,
        threads: Executor | None = None,
    ) -> Floats:
        """The same without blocking; what computes here does so in `threads`."""
        work = functools.partial(self.embed, texts, are_queries=are_queries)
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.get_running_loop().run_in_executor(threads, work)
        except TimeoutError as exc:
            raise TemporaryProviderError(
                f"{self.key} did not answer in time.", provider="local", code="timeout"
            ) from exc

    def speaks(self, lang: str) -> bool:
        """Whether it understands a language such as `en` or `en-GB`, or an unknown one."""
        primary = lang.replace("_", "-").partition("-")[0].lower()
        return not primary or self.languages is None or primary in self.languages


def unit(rows: Floats) -> Floats:
    """The rows at length 1; a row of zeros stays one."""
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    lengths[lengths == 0] = 1
    scaled: Floats = rows / lengths
    return scaled
