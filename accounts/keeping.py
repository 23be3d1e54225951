"""Retention: what an account has kept for long enough is deleted, what is open never.

Each app says what it keeps, as a `Kind`; nothing here knows of their rows.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import Account, Retention, RetentionRun

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet

#: Rows that are forgotten in one transaction.
BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class Kind:
    """Something that is kept for some time."""

    #: As in `Retention`: its field is `<name>_days`.
    name: str
    #: The account's rows that have been there since before a time and may go.
    old: Callable[[Account, dt.datetime], QuerySet[Any]]
    #: Out of a batch of their keys those that something open needs after all. Called
    #: once more, with rows locked, before they go.
    held: Callable[[list[int]], set[int]]
    #: Forgets rows by their keys, inside a transaction.
    forget: Callable[[Retention, list[int]], object]
    #: Kinds whose rows tell the same, so that this goes no later than they.
    follows: tuple[str, ...] = ()


#: By name, in the order in which they are forgotten.
REGISTRY: Final[dict[str, Kind]] = {}


def register(kind: Kind) -> None:
    """Let an account say how long it keeps this."""
    REGISTRY[kind.name] = kind


def nothing_is_held(keys: list[int]) -> set[int]:
    """For kinds of which nothing open needs any."""
    return set()


def retention_of(account: Account) -> Retention:
    """What the account has set, or the defaults."""
    found = Retention.objects.filter(account=account).first()
    return found or Retention(account=account)


def days_of(retention: Retention) -> dict[str, int]:
    """After how many days what is forgotten; what is kept for ever is left out."""
    found = {}
    for kind in REGISTRY.values():
        names = (kind.name, *kind.follows)
        days = [getattr(retention, f"{name}_days") for name in names]
        if kind.name == "events" and days[0] is None:
            days[0] = settings.EVENT_RETENTION_DAYS
        known = [each for each in days if each is not None]
        if known:
            found[kind.name] = min(known)
    return found


def forget_old(account: Account, *, is_dry: bool = False) -> dict[str, int]:
    """Forget what is due; returns how many rows by kind. Broken off, it goes on later.

    A dry run changes nothing. What was forgotten is kept as a `RetentionRun`.
    """
    retention = retention_of(account)
    now = timezone.now()
    days = days_of(retention)
    counts = {
        name: _forget(REGISTRY[name], retention, now - dt.timedelta(days=each), is_dry)
        for name, each in days.items()
    }
    if any(counts.values()) and not is_dry:
        RetentionRun.objects.create(account=account, counts=counts, days=days)
    return counts


def _forget(
    kind: Kind,
    retention: Retention,
    before: dt.datetime,
    is_dry: bool,  # noqa: FBT001 (private)
) -> int:
    count, newest = 0, 0
    while True:
        rows = kind.old(retention.account, before).order_by("pk")
        keys = list(rows.filter(pk__gt=newest).values_list("pk", flat=True)[:BATCH])
        if not keys:
            return count
        newest = keys[-1]
        if is_dry:
            count += len(keys) - len(kind.held(keys))
            continue
        with transaction.atomic():
            held = kind.held(keys)
            # What has changed while others were forgotten is looked at again.
            free = list(rows.filter(pk__in=keys).values_list("pk", flat=True))
            free = [key for key in free if key not in held]
            if free:
                kind.forget(retention, free)
            count += len(free)
