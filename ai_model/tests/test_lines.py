"""What the assistant says by itself."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as configured
from django.utils import translation

from ai_model.lines import LINES, line

LANGUAGES = [code for code, _name in configured.LANGUAGES]


@pytest.mark.parametrize("name", list(LINES))
@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_line_exists_in_every_language(name: str, lang: str) -> None:
    text = line(name, lang)

    assert text
    if lang != "en":
        assert text != LINES[name], f"{name} is not translated into {lang}"


@pytest.mark.parametrize("lang", ["", "de", "xx-yy"])
def test_other_languages_get_the_installations(settings: Any, lang: str) -> None:
    assert line("greeting", lang) == "Hello! How can I help you?"


def test_a_script_is_no_other_language() -> None:
    assert line("greeting", "mn-Latn") == line("greeting", "mn")


def test_a_line_leaves_the_callers_language_alone() -> None:
    with translation.override("es"):
        line("greeting", "mn")
        assert translation.get_language() == "es"
