"""Texts as they are stored, cut and told."""

from __future__ import annotations

import datetime as dt
import re
from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: Where a text is best cut, best first: paragraphs, lines, sentences, words.
_SEAMS = (
    re.compile(r"\n\s*\n"),
    re.compile(r"\n"),
    re.compile(r"(?<=[.!?…。！？])\s+"),
    re.compile(r"\s+"),
)


def split_text(text: str, limit: int, measure: Callable[[str], int] = len) -> list[str]:
    """Cut `text` into parts of at most `limit`, as `measure` counts, at the best seam.

    White space at a seam is dropped; everything else is kept in order. No character
    counts for nothing.
    """
    parts = []
    rest = text.strip()
    while fit := _count_fitting(rest, limit, measure):
        if fit == len(rest):
            parts.append(rest)
            break
        cut = _best_cut(rest, fit)
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return parts


def _count_fitting(text: str, limit: int, measure: Callable[[str], int]) -> int:
    """How many characters fit; at least one of a text that is not empty."""
    most = min(len(text), limit)
    counts = range(2, most + 1)
    return min(most, 1) + bisect_right(
        counts, limit, key=lambda count: measure(text[:count])
    )


def _best_cut(text: str, limit: int) -> int:
    for seam in _SEAMS:
        cuts = [match.start() for match in seam.finditer(text[: limit + 1])]
        # A seam in the first half would leave parts that are too small.
        if cuts and cuts[-1] >= limit // 2:
            return cuts[-1]
    return limit


def utf16_units(text: str) -> int:
    """How long Telegram thinks a text is."""
    return len(text) + sum(each > "\uffff" for each in text)


def utf8_bytes(text: str) -> int:
    """How long Meta thinks a text is."""
    return len(text.encode("utf-8", "surrogatepass"))


def truncate(text: str, limit: int) -> str:
    """The text, or as much of it as fits with an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def in_hundredths(share: float) -> int:
    """A share rounded; none and all are said only of what is exactly that."""
    if share in (0, 1):
        return int(share) * 100
    return min(max(round(share * 100), 1), 99)


def clean_text(text: str) -> str:
    """The text without what a database or a provider cannot hold."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def isoformat(at: dt.datetime) -> str:
    """A time as the APIs write it: UTC, milliseconds, Z."""
    text = at.astimezone(dt.UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
