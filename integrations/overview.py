"""Channels and desks that do not work, for the first page of the administration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from accounts import overview
from integrations.models import Channel, Desk, Event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from accounts.overview import Figure, Look

overview.link(_("Channels"), "portal")


@overview.section(overview.NOW, place=30)
def connections(look: Look) -> Iterator[Figure | None]:
    """What providers refuse, and what could not be read."""
    yield look.figure(
        _("Broken channels"),
        Channel,
        lambda rows: rows.filter(is_active=True).exclude(error=""),
        {"broken": "1"},
        is_alert=True,
    )
    yield look.figure(
        _("Broken help desks"),
        Desk,
        lambda rows: rows.filter(is_active=True).exclude(error=""),
        {"broken": "1"},
        is_alert=True,
        is_shown_at_zero=False,
    )
    yield look.figure(
        _("Events that could not be read"),
        Event,
        lambda rows: rows.filter(state=Event.State.FAILED),
        {"state__exact": Event.State.FAILED},
        is_alert=True,
        is_shown_at_zero=False,
    )
