"""What waits in conversations, for the first page of the administration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from accounts import overview
from conversations.models import Conversation, Delivery, Message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from accounts.overview import Figure, Look

overview.link(_("Live desk"), "desk")


@overview.section(overview.NOW, place=10)
def waiting(look: Look) -> Iterator[Figure | None]:
    """Who waits for whom, and what did not get through."""
    yield look.figure(
        _("Need a person"),
        Conversation,
        lambda rows: rows.filter(needs_person=True),
        {"needs_person__exact": "1"},
        is_alert=True,
    )
    yield look.figure(
        _("Wait for the assistant"),
        Conversation,
        lambda rows: rows.filter(waiting_since__isnull=False),
        {"waiting_since__isnull": "0"},
    )
    yield look.figure(
        _("Questions that failed"),
        Message,
        lambda rows: rows.filter(state=Message.State.FAILED),
        {"state__exact": Message.State.FAILED},
        is_alert=True,
        is_shown_at_zero=False,
    )
    yield look.figure(
        _("Failed deliveries"),
        Delivery,
        lambda rows: rows.filter(state=Delivery.State.FAILED),
        {"state__exact": Delivery.State.FAILED},
        is_alert=True,
    )
    yield look.figure(
        _("Uncertain deliveries"),
        Delivery,
        lambda rows: rows.filter(state=Delivery.State.UNCERTAIN),
        {"state__exact": Delivery.State.UNCERTAIN},
        is_alert=True,
        is_shown_at_zero=False,
    )
