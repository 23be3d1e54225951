"""Reading what a provider sends: whatever a field holds, nothing here breaks."""

from __future__ import annotations

from typing import Any

from core.exceptions import InvalidPayload
from core.text import clean_text

Row = dict[str, Any]


def part(row: Row, name: str) -> Row:
    """An object within an object; empty where there is none."""
    value = row.get(name)
    return value if isinstance(value, dict) else {}


def words(row: Row, name: str) -> str:
    """A text within an object, fit to be stored; empty where there is none."""
    value = row.get(name)
    return clean_text(value) if isinstance(value, str) else ""


def number(row: Row, name: str = "id") -> int:
    """A number of theirs, of 64 bits; raises `InvalidPayload`."""
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**63:
        raise InvalidPayload(f"`{name}` is missing.")
    return value


def rows(row: Row, name: str) -> list[Row]:
    """The objects of a list within an object; what is none is passed over."""
    value = row.get(name)
    found = value if isinstance(value, list) else []
    return [each for each in found if isinstance(each, dict)]


def name_of(row: Row, name: str = "id") -> str:
    """An id of theirs, a word or a number; raises `InvalidPayload`."""
    value = row.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 2**63 else ""
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise InvalidPayload(f"`{name}` is missing.")
    if value != clean_text(value):
        raise InvalidPayload(f"`{name}` cannot be used as a name.")
    return value
