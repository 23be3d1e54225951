"""Why a person was needed, and which of the assistant's reasons that stands for."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Reason(models.TextChoices):
    """Why a person was needed."""

    LOW_CONFIDENCE = "low_confidence", _("Not sure enough to answer")
    NO_RESULTS = "no_results", _("Nothing found in the knowledge base")
    ASKED_FOR_PERSON = "asked_for_person", _("The customer asked for a person")
    REPEATED_FAILURE = "repeated_failure", _("Answering failed several times")
    TIMEOUT = "timeout", _("No answer in time")
    ERROR = "error", _("Something broke")
    BUDGET = "budget", _("The spending limit was reached")
    OUTSIDE_HOURS = "outside_hours", _("Outside business hours")
    #: The assistant is switched off, or a person has the conversation.
    PEOPLE_REPLY = "people_reply", _("People reply here")
    #: The answer came too late for the provider to deliver it.
    WINDOW_CLOSED = "window_closed", _("The time in which we may reply had passed")


#: By the reason with which a question was settled.
_OF_ENDINGS = {
    "low_confidence": Reason.LOW_CONFIDENCE,
    "unsupported": Reason.LOW_CONFIDENCE,
    "wrong_language": Reason.LOW_CONFIDENCE,
    "attachment": Reason.LOW_CONFIDENCE,
    "no_results": Reason.NO_RESULTS,
    "not_in_knowledge": Reason.NO_RESULTS,
    "asked_for_person": Reason.ASKED_FOR_PERSON,
    # The engine's word for a question whose turns broke until it gave up.
    "error": Reason.REPEATED_FAILURE,
    "timeout": Reason.TIMEOUT,
    "provider_error": Reason.ERROR,
    "provider_blocked": Reason.ERROR,
    "provider_empty": Reason.ERROR,
    "no_provider": Reason.ERROR,
    "provider_failing": Reason.ERROR,
    "budget": Reason.BUDGET,
    "outside_hours": Reason.OUTSIDE_HOURS,
    "auto_response_off": Reason.PEOPLE_REPLY,
    "human_mode": Reason.PEOPLE_REPLY,
    "manual_by_default": Reason.PEOPLE_REPLY,
    "switched": Reason.PEOPLE_REPLY,
    "taken_over": Reason.PEOPLE_REPLY,
    "person_acted": Reason.PEOPLE_REPLY,
    "person_replied": Reason.PEOPLE_REPLY,
    "reconciled": Reason.PEOPLE_REPLY,
    "window_closed": Reason.WINDOW_CLOSED,
}


def reason_of(ending: str) -> Reason | None:
    """What the reason of a settled question means; None: nobody was needed by it."""
    return _OF_ENDINGS.get(ending)
