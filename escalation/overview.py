"""What people are needed for, for the first page of the administration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from accounts import overview
from escalation.models import Alert, Escalation, Letter, Ticket
from integrations.errands import Errand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from accounts.overview import Figure, Look


@overview.section(overview.NOW, place=20)
def escalations(look: Look) -> Iterator[Figure | None]:
    """Who needs somebody, and which ticket, e-mail or alert did not leave."""
    yield look.figure(
        _("Open escalations"),
        Escalation,
        lambda rows: rows.filter(state=Escalation.State.OPEN),
        {"state__exact": Escalation.State.OPEN},
        is_alert=True,
    )
    failed = (
        (_("Failed tickets"), Ticket),
        (_("Failed e-mails"), Letter),
        (_("Failed alerts"), Alert),
    )
    for label, model in failed:
        yield look.figure(
            label,
            model,
            lambda rows: rows.filter(state=Errand.State.FAILED),
            {"state__exact": Errand.State.FAILED},
            is_alert=True,
            is_shown_at_zero=False,
        )
