"""Rules: where an account's escalations go, rung by rung."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import mail
from escalation.destinations import Destination
from escalation.models import Rung

if TYPE_CHECKING:
    from escalation.models import Escalation

#: Minutes until the owners get an e-mail, where an account has no rules.
DEFAULT_WAIT = 10


def rungs_of(escalation: Escalation) -> list[Rung]:
    """The rungs for its reason, else those for every reason, else the default ones."""
    rows = list(
        Rung.objects.filter(account_id=escalation.account_id).order_by("position")
    )
    own = [row for row in rows if row.reason == escalation.reason]
    return own or [row for row in rows if not row.reason] or _default()


def _default() -> list[Rung]:
    rungs = [Rung(destination=Destination.DESK, wait_minutes=DEFAULT_WAIT)]
    if mail.is_configured():
        rungs.append(Rung(destination="email", wait_minutes=0))
    return rungs
