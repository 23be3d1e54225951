"""The lines that the assistant says by itself, in the contact's language."""

from __future__ import annotations

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext_noop as _

#: By the reason for which a turn ends; see `Turn.reason`.
LINES = {
    "low_confidence": _(
        "I couldn't find a confident answer to that. Would you like me to pass your"
        " question on to a person?"
    ),
    "asked_for_person": _(
        "Of course. I have passed this on to a colleague, who will answer you here."
    ),
    "outside_hours": _(
        "We are closed right now. I have passed this on to a colleague, who will"
        " answer you here when we are back."
    ),
    "error": _(
        "I can't answer right now. I have told a colleague, who will answer you here."
    ),
    "greeting": _("Hello! How can I help you?"),
    "thanks": _("You're welcome! Is there anything else I can help you with?"),
    "goodbye": _("Goodbye, and have a nice day!"),
    "are_you_a_bot": _(
        "Yes, I am an automatic assistant. I answer from what this business has"
        " written down, and I can bring in a person whenever you like."
    ),
    "declined": _("No problem! Feel free to ask another question."),
    "empty": _(
        "I can only read text so far. Could you write down what you would like to know?"
    ),
}
LINES["no_results"] = LINES["low_confidence"]


def line(name: str, lang: str) -> str:
    """The line in this language, or in the installation's where there is none."""
    known = {code for code, _name in settings.LANGUAGES}
    # Who writes Mongolian in Latin letters reads it in Cyrillic ones.
    code = lang.split("-")[0]
    with translation.override(code if code in known else settings.LANGUAGE_CODE):
        return translation.gettext(LINES[name])
