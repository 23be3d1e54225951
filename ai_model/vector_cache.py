"""Vectors of texts, kept in a file, so that an evaluation computes each only once."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from knowledge.embeddable import is_in_detail
from knowledge.embeddings import wanted_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from knowledge.embedders.base import Embedder, Floats
    from knowledge.index import Document


class VectorCache:
    """The vectors of one encoder, by the hash of their text."""

    def __init__(
        self,
        encoder: Embedder,
        folder: Path,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        name = hashlib.sha256(encoder.key.encode()).hexdigest()[:16]
        self._encoder = encoder
        self._path = folder / f"vectors-{name}.npz"
        self._on_progress = on_progress
        self._rows: dict[str, Floats] = {}
        self._is_new = False
        if self._path.exists():
            with np.load(self._path, allow_pickle=False) as kept:
                rows = kept["rows"].astype(np.float32)
                self._rows = dict(zip(kept["names"].tolist(), rows, strict=True))

    def save(self) -> None:
        """Write what is new; an interrupted write leaves the former file."""
        if not self._is_new:
            return
        part = self._path.with_suffix(".part.npz")
        np.savez(
            part,
            names=np.array(list(self._rows)),
            rows=np.array(list(self._rows.values()), np.float16),
        )
        part.replace(self._path)
        self._is_new = False

    def of_documents(self, documents: Sequence[Document]) -> dict[str, Floats] | None:
        """What an index wants; None where the encoder reads none of it."""
        in_detail = is_in_detail(len({each.entry for each in documents}))
        texts = list(
            dict.fromkeys(
                text
                for each in documents
                for text in wanted_texts(each, self._encoder, in_detail=in_detail)
            )
        )
        self._make(texts)
        return {text: self._rows[_name(text)] for text in texts} or None

    async def of_query(self, text: str, lang: str) -> Floats | None:
        """A question's vector, if it is in a language that the encoder reads."""
        if not self._encoder.speaks(lang):
            return None
        line = " ".join(text.split())[:_LONGEST]
        self._make([line], are_queries=True)
        return self._rows[_name(line, are_queries=True)]

    def _make(self, texts: Sequence[str], *, are_queries: bool = False) -> None:
        lacking = [
            text
            for text in texts
            if _name(text, are_queries=are_queries) not in self._rows
        ]
        for start in range(0, len(lacking), self._encoder.batch):
            part = lacking[start : start + self._encoder.batch]
            rows = self._encoder.embed(part, are_queries=are_queries)
            for text, row in zip(part, rows, strict=True):
                # As they are stored, so that a second run gives the same figures.
                stored = row.astype(np.float16).astype(np.float32)
                self._rows[_name(text, are_queries=are_queries)] = stored
            self._is_new = True
            if not are_queries:
                self._on_progress(start + len(part), len(lacking))


#: Characters of a question that count.
_LONGEST = 2000


def _name(text: str, *, are_queries: bool = False) -> str:
    return hashlib.sha256(f"{are_queries:d}{text}".encode()).hexdigest()
