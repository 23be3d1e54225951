"""Titles for files that have none."""

from __future__ import annotations

from pathlib import PurePosixPath


def title_from(name: str) -> str:
    """A title made of a file's name."""
    stem = PurePosixPath(name).stem
    return stem.replace("-", " ").replace("_", " ").capitalize()
