"""Cutting text into parts without losing any of it."""

from __future__ import annotations

import re

#: Where a text is best cut, best first: paragraphs, lines, sentences, words.
_SEAMS = (
    re.compile(r"\n\s*\n"),
    re.compile(r"\n"),
    re.compile(r"(?<=[.!?…。！？])\s+"),
    re.compile(r"\s+"),
)


def split_text(text: str, limit: int) -> list[str]:
    """Cut `text` into parts of at most `limit` characters, at the best seam.

    White space at a seam is dropped; everything else is kept in order.
    """
    parts = []
    rest = text.strip()
    while len(rest) > limit:
        cut = _best_cut(rest, limit)
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    if rest:
        parts.append(rest)
    return parts


def _best_cut(text: str, limit: int) -> int:
    for seam in _SEAMS:
        cuts = [match.start() for match in seam.finditer(text[: limit + 1])]
        # A seam in the first half would leave parts that are too small.
        if cuts and cuts[-1] >= limit // 2:
            return cuts[-1]
    return limit


def truncate(text: str, limit: int) -> str:
    """The text, or as much of it as fits with an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def clean_text(text: str) -> str:
    """The text without what a database or a provider cannot hold."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
