"""Rate limits of the chat API: what one person may ask, and a channel in all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from integrations import limits
from integrations.facts import facts_of

if TYPE_CHECKING:
    from django.http import HttpRequest

    from conversations.identity import Person
    from integrations.limits import Call
    from integrations.models import Channel


def admit(
    request: HttpRequest, channel: Channel, person: Person, call: Call = "ask"
) -> None:
    """Count a person's call on a channel; raises `RateLimited` for one too many."""
    limit = channel.rate_limit or channel.account.rate_limit
    limits.admit(
        replace(facts_of(channel), rate_limit=limit),
        person.external_id,
        address=request.META.get("REMOTE_ADDR", ""),
        is_signed=person.is_signed,
        call=call,
    )
