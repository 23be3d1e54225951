"""Values of what Kommo sends: texts and numbers, and what it leaves unfilled."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from core.exceptions import InvalidPayload
from integrations.adapters.base import json_object

if TYPE_CHECKING:
    from collections.abc import Mapping

_FORM: Final = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*(?:%5[Bb]|\[|=)")
_KEY: Final = re.compile(r"([A-Za-z_]\w*)((?:\[\w+\])*)\Z", re.ASCII)
_MOST_FIELDS: Final = 5000
#: What Kommo leaves in place of what it does not know.
_PLACEHOLDER: Final = re.compile(r"\s*\{\{.*\}\}\s*\Z", re.DOTALL)
_NUMBER: Final = re.compile(r"[0-9]{1,18}\Z", re.ASCII)


def decode(body: bytes) -> dict[str, Any]:
    """JSON as documented, or the form that was seen in its place."""
    if not _FORM.match(body):
        return json_object(body)
    try:
        pairs = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError as exc:
        raise InvalidPayload("The body is neither JSON nor a form.") from exc
    found: dict[str, Any] = {}
    for name, value in pairs:
        _put(found, name, value)
    return found


def _put(found: dict[str, Any], name: str, value: str) -> None:
    """Put a field of a form, as in `data[message]`, in its place."""
    match = _KEY.match(name)
    if match is None:
        return
    *way, last = [match[1], *re.findall(r"\w+", match[2])]
    place = found
    for each in way:
        inner = place.setdefault(each, {})
        if not isinstance(inner, dict):
            return
        place = inner
    place[last] = value


def text_of(payload: Mapping[str, Any], name: str) -> str:
    """A text; empty where it is missing, none, or a placeholder that was left as is."""
    value = payload.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or _PLACEHOLDER.match(value):
        return ""
    return value.encode("utf-8", "replace").decode().replace("\x00", "")


def number_of(payload: Mapping[str, Any], name: str) -> str:
    """A whole number as text; empty where there is none."""
    value = text_of(payload, name).strip()
    return value if _NUMBER.match(value) else ""
