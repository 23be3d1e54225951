"""Rules: where an account's escalations go, rung by rung."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import mail
from escalation.destinations import Destination
from escalation.models import Rung
from escalation.reasons import Reason
from integrations import alerting

if TYPE_CHECKING:
    from escalation.models import Escalation

#: Reasons for which a person is only offered at first.
_UNANSWERED = (Reason.NO_RESULTS, Reason.LOW_CONFIDENCE)
#: Minutes until the owners get an e-mail, where an account has no rules.
DEFAULT_WAIT = 10


def rungs_of(escalation: Escalation) -> list[Rung]:
    """The rungs for its reason, else those for every reason, else the default ones."""
    rows = list(
        Rung.objects.filter(account_id=escalation.account_id).order_by("position")
    )
    own = [row for row in rows if row.reason == escalation.reason]
    return own or [row for row in rows if not row.reason] or _default(escalation)


def tells_of_offers(escalation: Escalation) -> bool:
    """Whether staff hear of what was not answered before the customer has said "yes".

    In Microsoft Teams they do, as documented: where that is the first rung.
    """
    return (
        escalation.reason in _UNANSWERED
        and alerting.target_of(escalation.account_id, "teams") is not None
        and rungs_of(escalation)[0].destination == "teams"
    )


def _default(escalation: Escalation) -> list[Rung]:
    has_teams = alerting.target_of(escalation.account_id, "teams") is not None
    first = "teams" if has_teams else Destination.DESK
    rungs = [Rung(destination=first, wait_minutes=DEFAULT_WAIT)]
    if mail.is_configured():
        rungs.append(Rung(destination="email", wait_minutes=0))
    return rungs
