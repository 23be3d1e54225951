"""How the live desk puts numbers and reasons into words."""

from __future__ import annotations

import re
from typing import Any

from django import template
from django.template.defaultfilters import urlize
from django.utils.formats import localize
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

register = template.Library()

_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")

#: Why a message or a conversation is in its state.
REASONS = {
    "answered": _("Answered from the knowledge base"),
    "small_talk": _("A courtesy"),
    "empty": _("No text to answer"),
    "low_confidence": _("Not sure enough to answer"),
    "no_results": _("Nothing found in the knowledge base"),
    "not_in_knowledge": _("Not in the knowledge base"),
    "unsupported": _("Not shown to stand in the knowledge base"),
    "wrong_language": _("Written in another language than the customer's"),
    "asked_for_person": _("The customer asked for a person"),
    "declined": _("The customer did not want a person"),
    "outside_hours": _("Outside business hours"),
    "auto_response_off": _("The assistant is switched off"),
    "manual_by_default": _("People reply to new conversations"),
    "no_provider": _("No provider is set up"),
    "provider_failing": _("Every provider is failing"),
    "switched": _("Switched to people"),
    "timeout": _("No answer in time"),
    "provider_error": _("No provider could answer"),
    "provider_blocked": _("The provider refused to answer"),
    "provider_empty": _("The provider's answer was empty"),
    "error": _("Something broke"),
    "person_acted": _("A person acted first"),
    "person_replied": _("A person replied"),
    "person_handed_back": _("Handed back by a person"),
    "taken_over": _("Taken over"),
    "handed_back": _("Handed back"),
    "asked_again": _("Asked again"),
    "human_mode": _("Human mode is on"),
    "human_mode_off": _("Human mode was turned off"),
    "reopened": _("The customer wrote again"),
    "reconciled": _("Found waiting for nobody"),
    "closed_by_person": _("Closed by a person"),
    "disconnected": _("The channel was disconnected"),
}


@register.filter
def reason(code: str) -> str:
    """A reason in words; one that has none as it is stored."""
    return str(REASONS.get(code) or code.replace("_", " "))


@register.filter
def percent(value: Any) -> str:
    """A probability as a percentage."""
    return f"{localize(round(float(value or 0) * 100))}%"


@register.filter
def unlocalize_number(value: float) -> str:
    """A number as an attribute of HTML wants it, whatever the language."""
    return f"{value:.4f}"


@register.filter
def seconds(milliseconds: int) -> str:
    """A duration, short enough for the eye."""
    if milliseconds < 1000:
        return _("%(number)s ms") % {"number": localize(milliseconds)}
    return _("%(number)s s") % {"number": localize(round(milliseconds / 1000, 1))}


@register.filter
def prose(text: str) -> SafeString:
    """A text with its bold words and links; everything else in it is escaped."""
    return mark_safe(_BOLD.sub(r"<b>\1</b>", urlize(text)))  # noqa: S308 (urlize escapes)
