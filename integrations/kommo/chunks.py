"""A text in the pieces of 80 characters that `show` takes; joined they give it back."""

from __future__ import annotations

from typing import Final

import regex

#: Kommo's limits, for the call that continues a bot.
SHOW_LENGTH: Final = 80
HANDLERS: Final = 10

#: A character as people see it: letters with their marks, joined emoji, flags.
_CHARACTER: Final = regex.compile(r"\X")


def chunks(text: str, limit: int = SHOW_LENGTH) -> list[str]:
    """Cut where a word begins, else between characters as people see them.

    Nothing is dropped: `"".join(chunks(text)) == text`.
    """
    found = []
    rest = text
    while len(rest) > limit:
        cut = _best_cut(rest, limit)
        found.append(rest[:cut])
        rest = rest[cut:]
    return [*found, rest] if rest else found


def _best_cut(text: str, limit: int) -> int:
    # What is looked at ends with the first character of the next piece.
    window = text[: limit + 1]
    cuts = [match.start() for match in _CHARACTER.finditer(window) if match.start()]
    words = [at for at in cuts if window[at - 1].isspace() and not window[at].isspace()]
    return (words or cuts or [limit])[-1]
