"""Reads variables from the process, and from files of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import environ
from environ.fileaware_mapping import FileAwareMapping

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class _Values(FileAwareMapping):  # type: ignore[misc]
    """Values by name; `NAME_FILE` names a file that holds the value of `NAME`."""

    def __getitem__(self, name: str) -> str:
        # Files end with a newline that is not part of what they hold.
        return str(super().__getitem__(name)).rstrip("\r\n")


class Environment(environ.FileAwareEnv):  # type: ignore[misc]
    """Variables of the process, then of files; an empty one counts as not set."""

    ENVIRON: ClassVar[_Values] = _Values({})

    @classmethod
    def add(cls, values: Mapping[str, str]) -> None:
        """Add what is not set yet."""
        for name, value in values.items():
            if value and name not in cls.ENVIRON:
                cls.ENVIRON[name] = value

    @classmethod
    def add_file(cls, path: Path) -> None:
        """Add the variables of a file, if it is there."""
        former, cls.ENVIRON = cls.ENVIRON, _Values({})
        if path.exists():
            cls.read_env(path)
        found, cls.ENVIRON = cls.ENVIRON, former
        cls.add(found)
