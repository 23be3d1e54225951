"""Speaking to people in their language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import translation

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


def spoken(lang: str) -> str:
    """The code of the language in which we speak to somebody of this language.

    The installation's where there is none.
    """
    known = {code for code, _name in settings.LANGUAGES}
    # Who writes Mongolian in Latin letters reads it in Cyrillic ones.
    code = lang.partition("-")[0]
    return code if code in known else str(settings.LANGUAGE_CODE)


def speaking(lang: str) -> AbstractContextManager[object]:
    """A context in which texts are in the language that is spoken for this one."""
    return translation.override(spoken(lang))
