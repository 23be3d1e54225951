"""Reads the tensors of a `safetensors` file where they lie, without loading them.

https://huggingface.co/docs/safetensors
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_TYPES: Final = {"F32": "<f4", "F16": "<f2", "I64": "<i8"}
_LENGTH_BYTES: Final = 8
#: Largest header that the format allows.
_MOST_HEADER_BYTES: Final = 100_000_000


def read(path: Path) -> dict[str, NDArray[Any]]:
    """The file's tensors by name; raises ValueError for any other file.

    Each is a mapping of its own: it costs memory once it is read, until it is dropped.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        if not 0 < length <= _MOST_HEADER_BYTES:
            raise ValueError(f"{path.name} is not a safetensors file.")
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    start = _LENGTH_BYTES + length
    return {name: _tensor(path, start, name, entry) for name, entry in header.items()}


def _tensor(path: Path, start: int, name: str, entry: dict[str, Any]) -> NDArray[Any]:
    if entry["dtype"] not in _TYPES:
        raise ValueError(f"{name} is of type {entry['dtype']}, which cannot be read.")
    return np.memmap(
        path,
        dtype=_TYPES[entry["dtype"]],
        mode="r",
        offset=start + int(entry["data_offsets"][0]),
        shape=tuple(entry["shape"]),
    )
