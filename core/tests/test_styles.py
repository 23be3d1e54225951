"""The styles of all pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.conf import settings

if TYPE_CHECKING:
    from pathlib import Path

STYLES = sorted((settings.BASE_DIR / "static/css").glob("*.css"))


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_the_colours_are_there_in_browsers_from_before_2024(path: Path) -> None:
    assert "light-dark(" not in path.read_text("utf-8")
