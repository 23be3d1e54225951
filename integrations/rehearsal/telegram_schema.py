"""Telegram's published Bot API, as far as it is used here: what a value must look like.

`telegram_api.json` is cut from version 10.1 in github.com/PaulSonOfLars/telegram-bot-api-spec,
commit 160fd99507e1c7c77e92dc90f5993d724735b51c (MIT, Copyright (c) 2020 Paul Larsen): the
methods we call and all types that these and updates are made of, without descriptions.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

_API: Final = json.loads(
    Path(__file__).with_name("telegram_api.json").read_text("utf-8")
)
METHODS: Final[dict[str, dict[str, list[str]]]] = _API["methods"]
_TYPES: Final[dict[str, Any]] = _API["types"]
_PLAIN: Final = {
    "String": lambda value: isinstance(value, str),
    "Integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "Float": lambda value: isinstance(value, int | float),
    "Boolean": lambda value: isinstance(value, bool),
    "True": lambda value: value is True,
    "False": lambda value: value is False,
}


def problems_of_call(method: str, values: Any) -> list[str]:
    """What is wrong with the parameters of a method; empty: nothing."""
    return _problems_of_fields(METHODS[method], values, method)


def problems_of(kind: str, value: Any, where: str = "") -> list[str]:
    """What keeps a value from being of this type; empty: nothing."""
    where = where or kind
    if kind.startswith("Array of "):
        if not isinstance(value, list):
            return [f"{where} is no list"]
        inner = kind.removeprefix("Array of ")
        return [
            problem
            for number, each in enumerate(value)
            for problem in problems_of(inner, each, f"{where}[{number}]")
        ]
    if kind in _PLAIN:
        return [] if _PLAIN[kind](value) else [f"{where} is no {kind}"]
    shape = _TYPES[kind]
    if isinstance(shape, list):
        return _problems_of_any(shape, value, where)
    return _problems_of_fields(shape, value, where)


def _problems_of_any(kinds: list[str], value: Any, where: str) -> list[str]:
    found = [problems_of(kind, value, where) for kind in kinds]
    return [] if not all(found) else min(found, key=len)


def _problems_of_fields(
    shape: dict[str, list[str]], value: Any, where: str
) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where} is no object"]
    fields = {name.rstrip("?"): kinds for name, kinds in shape.items()}
    found = [f"{where} has no {name}" for name in value if name not in fields]
    for name, _kinds in shape.items():
        if name in fields and name not in value:
            found.append(f"{where} needs {name}")
    for name, each in value.items():
        if name in fields:
            found += _problems_of_any(fields[name], each, f"{where}.{name}")
    return found
