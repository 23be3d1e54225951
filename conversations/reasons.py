"""Why a message or a conversation is in its state, in words."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

#: Why a message or a conversation is in its state.
REASONS = {
    "answered": _("Answered from the knowledge base"),
    "small_talk": _("A courtesy"),
    "empty": _("No text to answer"),
    "attachment": _("An attachment that the assistant cannot make out"),
    "conversation_gone": _("Deleted at the provider"),
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
    "budget": _("The spending limit was reached"),
    "provider_blocked": _("The provider refused to answer"),
    "provider_empty": _("The provider's answer was empty"),
    "error": _("Something broke"),
    "person_acted": _("A person acted first"),
    "person_replied": _("A person replied"),
    "deleted": _("Taken back by the customer"),
    "window_closed": _("The time in which we may reply had passed"),
    "as_template": _("Sent in a template"),
    "person_handed_back": _("Handed back by a person"),
    "stage_handed_back": _("Handed back by the stage of the lead"),
    "taken_over": _("Taken over"),
    "handed_back": _("Handed back"),
    "asked_again": _("Asked again"),
    "human_mode": _("Human mode is on"),
    "human_mode_off": _("Human mode was turned off"),
    "reopened": _("The customer wrote again"),
    "wrote_by_email": _("The customer wrote by e-mail"),
    "reconciled": _("Found waiting for nobody"),
    "closed_by_person": _("Closed by a person"),
    "disconnected": _("The channel was disconnected"),
    "inactive": _("Closed after days without activity"),
}


def in_words(code: str) -> str:
    """A reason in words; one that has none as it is stored."""
    return str(REASONS.get(code) or code.replace("_", " "))
