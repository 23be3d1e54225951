"""The lines that the assistant says by itself, in the contact's language."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext_noop as _

from core.language import speaking, spoken

if TYPE_CHECKING:
    import datetime as dt
#: By the reason for which a turn ends, see `Turn.reason`, or by what is said.
LINES = {
    "low_confidence": _(
        "I couldn't find a confident answer to that. Would you like me to pass your"
        " question on to a person?"
    ),
    "unsure": _("I'm not sure enough to answer that from what I know."),
    "asked_for_person": _(
        "Of course. I have passed this on to a colleague, who will answer you here."
    ),
    "outside_hours": _(
        "We are closed right now. I have passed this on to a colleague, who will"
        " answer you here when we are back."
    ),
    "closed": _(
        "We are closed right now. A colleague will answer you here when we are back."
    ),
    "opens_again": _("We open again: %(when)s."),
    "disclosure": _("You are writing with an automatic assistant (AI)."),
    "error": _(
        "I can't answer right now. I have told a colleague, who will answer you here."
    ),
    "greeting": _("Hello! How can I help you?"),
    "thanks": _("You're welcome! Is there anything else I can help you with?"),
    "noted": _("Good! If there is anything else, just write."),
    "goodbye": _("Goodbye, and have a nice day!"),
    "are_you_a_bot": _(
        "Yes, I am an automatic assistant. I answer from what this business has"
        " written down, and I can bring in a person whenever you like."
    ),
    "declined": _("No problem! Feel free to ask another question."),
    "attachment": _(
        "I can't look at attachments or listen to them. Could you write down what you"
        " would like to know, or shall I pass it on to a person?"
    ),
    "attachment_aside": _(
        "I couldn't look at what you attached. If it matters, ask me for a person."
    ),
    "empty": _(
        "I can only read text so far. Could you write down what you would like to know?"
    ),
}
LINES["no_results"] = LINES["low_confidence"]

_FORMAL_OFFER = _(
    "I regret that I have no reliable answer to this. May I pass your question on to"
    " a member of our staff?"
)
_FRIENDLY_OFFER = _(
    "Hmm, I'm not sure enough about that one. Shall I pass your question on to a"
    " person?"
)
#: Lines that sound otherwise in a tone; the others fit every tone.
TONES: Final = {
    "formal": {
        "low_confidence": _FORMAL_OFFER,
        "no_results": _FORMAL_OFFER,
        "asked_for_person": _(
            "Certainly. I have passed your request on to a member of our staff, who"
            " will reply to you here."
        ),
        "greeting": _("Good day. How may I be of assistance?"),
        "thanks": _("You are most welcome. May I be of further assistance?"),
        "noted": _("Very well. Please write at any time if anything else is needed."),
        "goodbye": _("Thank you for contacting us. Goodbye."),
        "declined": _("Certainly. Please do not hesitate to ask another question."),
    },
    "friendly": {
        "low_confidence": _FRIENDLY_OFFER,
        "no_results": _FRIENDLY_OFFER,
        "asked_for_person": _(
            "Sure thing! I've told a colleague, and they'll answer you right here."
        ),
        "greeting": _("Hi there! What can I do for you?"),
        "thanks": _("Happy to help! Anything else?"),
        "noted": _("Great! Just write if anything else comes up."),
        "goodbye": _("Bye, and have a lovely day!"),
        "declined": _("No worries! Just ask me anything else."),
    },
}

#: How a day and a time are written, in the format letters of Django.
_LONG: Final = _("l, j F, H:i")
#: Languages in which a day of the week begins with a small letter.
_SMALL: Final = frozenset({"es", "ru"})
_TODAY: Final = _("today, %(time)s")
_TOMORROW: Final = _("tomorrow, %(time)s")


def line(name: str, lang: str, tone: str = "") -> str:
    """The line in this language, or in the installation's where there is none."""
    return _line(name, spoken(lang), tone)


@functools.cache  # a turn needs some, and to change the language takes long
def _line(name: str, spoken_lang: str, tone: str) -> str:
    with translation.override(spoken_lang):
        return translation.gettext(TONES.get(tone, {}).get(name) or LINES[name])


def opening_time(opening: dt.datetime, now: dt.datetime, lang: str) -> str:
    """When that is, for somebody who reads it now; `opening` is on its own clock."""
    # The same on every tongue: no case, preposition or article goes with it.
    today = now.astimezone(opening.tzinfo).date()
    time = f"{opening:%H:%M}"
    with speaking(lang):
        match (opening.date() - today).days:
            case 0:
                return translation.gettext(_TODAY) % {"time": time}
            case 1:
                return translation.gettext(_TOMORROW) % {"time": time}
        # Without its zone: Django would turn it into that of the installation.
        day = date_format(opening.replace(tzinfo=None), translation.gettext(_LONG))
    return day[0].lower() + day[1:] if spoken(lang) in _SMALL else day


def own_text(texts: dict[str, str], lang: str) -> str:
    """What an account has written for this language, or nothing."""
    return texts.get(spoken(lang), "").strip()
