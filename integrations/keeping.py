"""How long raw events are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accounts.keeping import Kind, nothing_is_held, register
from integrations.models import Event

if TYPE_CHECKING:
    import datetime as dt

    from accounts.models import Account, Retention
    from integrations.models import EventQuerySet


def _old(account: Account, before: dt.datetime) -> EventQuerySet:
    # What has failed stays: it can still be read after a fix.
    done = [Event.State.DONE, Event.State.IGNORED]
    rows = Event.objects.for_account(account)
    return rows.filter(received_at__lt=before, state__in=done)


def _forget(retention: Retention, keys: list[int]) -> None:
    Event.objects.filter(pk__in=keys).delete()


register(
    Kind("events", _old, nothing_is_held, _forget, follows=("messages", "contacts"))
)
