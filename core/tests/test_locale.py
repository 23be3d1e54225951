"""The translations: whole, and compiled as they stand."""

from __future__ import annotations

import ast
import gettext
import re
from pathlib import Path

import pytest
from django.conf import settings

LANGUAGES = [code for code, _name in settings.LANGUAGES if code != "en"]
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[sd%]|\{\w+\}")


def folder(lang: str) -> Path:
    return Path(settings.LOCALE_PATHS[0], lang, "LC_MESSAGES")


def messages(lang: str) -> list[dict[str, str]]:
    """The messages of a .po file after its header: texts and comments by keyword."""
    found = []
    for block in (folder(lang) / "django.po").read_text("utf-8").split("\n\n")[1:]:
        fields: dict[str, str] = {}
        keyword = ""
        for line in block.strip().splitlines():
            if line.startswith('"'):
                fields[keyword] += ast.literal_eval(line)
                continue
            keyword, _, text = line.partition(" ")
            is_comment = keyword.startswith("#")
            fields[keyword] = text if is_comment else ast.literal_eval(text)
        found.append(fields)
    return found


def translations(message: dict[str, str]) -> dict[str, str]:
    return {key: text for key, text in message.items() if key.startswith("msgstr")}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_message_is_translated(lang: str) -> None:
    missing = [
        message
        for message in messages(lang)
        if "#~" in message
        or "fuzzy" in message.get("#,", "")
        or not all(translations(message).values())
    ]

    assert missing == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_language_has_the_same_messages(lang: str) -> None:
    ids = [message["msgid"] for message in messages(lang)]

    assert ids == [message["msgid"] for message in messages(LANGUAGES[0])]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_translations_name_nothing_that_the_message_does_not_give(lang: str) -> None:
    for message in messages(lang):
        given = message["msgid"] + message.get("msgid_plural", "")
        for text in translations(message).values():
            named = set(PLACEHOLDER.findall(text)) if "#," in message else set()

            assert named <= set(PLACEHOLDER.findall(given)), message["msgid"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_is_compiled_is_what_is_written(lang: str) -> None:
    written: dict[str | tuple[str, int], str] = {}
    for message in messages(lang):
        for key, text in translations(message).items():
            form = re.findall(r"\d", key)
            name = message["msgid"]
            written[(name, int(form[0])) if form else name] = text

    with (folder(lang) / "django.mo").open("rb") as compiled:
        catalog = gettext.GNUTranslations(compiled)._catalog  # type: ignore[attr-defined]

    assert {key: text for key, text in catalog.items() if key} == written
