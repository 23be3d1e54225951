"""Spending limits: what an account may still spend on models, and who holds how much.

What was spent are the rows of Usage, and what is reserved those of Reservation that have
not expired; nothing else is kept, so nothing can drift. A call may begin while less than
the limit is spent and reserved, so all calls together go over it by one at most.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from ai_model import pricing
from ai_model.models import Assistant, Reservation, SpendingNotice, Usage
from ai_model.models.assistant import SPENDING_LIMITS
from core import store

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from django.db.models import QuerySet

    from ai_model.metering import Wish

#: No call takes longer; what is older belongs to work that never ended.
EXPIRY_S: Final = 300.0
_ZERO: Final = Decimal(0)
_SMALLEST: Final = Decimal("0.000001")

#: A period and a unit, as in `SPENDING_LIMITS`.
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Standing:
    """How one limit of an account stands."""

    period: str
    #: `cost` is in US dollars.
    unit: str
    #: The first day of the period, in UTC.
    starts_on: dt.date
    limit: Decimal
    spent: Decimal
    #: Held by calls under way.
    reserved: Decimal
    #: Share of the limit from which on the owners are warned.
    warns_from: float

    @property
    def share(self) -> float:
        """Part of the limit that is spent; 1 and more: all of it."""
        return round(float(self.spent / self.limit), 4) if self.limit else 1.0

    @property
    def is_reached(self) -> bool:
        """Whether all of it is spent."""
        return self.spent >= self.limit

    @property
    def state(self) -> str:
        """`ok`, or a level of `SpendingNotice`."""
        if self.is_reached:
            return SpendingNotice.Level.REACHED
        is_near = self.share >= self.warns_from
        return SpendingNotice.Level.WARNING if is_near else "ok"

    @property
    def is_over(self) -> bool:
        """Whether no call may begin now."""
        return self.spent + self.reserved >= self.limit


# -- Looking -------------------------------------------------------------------


def standings(assistants: Iterable[Assistant]) -> dict[int, list[Standing]]:
    """By account: how each of its limits stands; accounts without limits are left out."""
    limited = {each.account_id: each for each in assistants if each.spending_limits}
    today = timezone.now().date()
    starts = {"day": today, "month": today.replace(day=1)}
    spent, reserved = _sums(limited)
    return {
        account_id: [
            Standing(
                *key,
                starts_on=starts[key[0]],
                limit=limit,
                spent=spent[account_id][key],
                reserved=reserved[account_id][key],
                warns_from=assistant.limit_warning,
            )
            for key, limit in assistant.spending_limits.items()
        ]
        for account_id, assistant in limited.items()
    }


def standings_of(assistant: Assistant) -> list[Standing]:
    """How each limit of one account stands."""
    return standings([assistant]).get(assistant.account_id, [])


def is_over(assistant: Assistant) -> bool:
    """Whether the account may spend nothing now."""
    return any(each.is_over for each in standings_of(assistant))


def admits(account_id: int) -> bool:
    """Whether the account may spend anything now."""
    assistant = Assistant.objects.filter(pk=account_id).first()
    return assistant is None or not is_over(assistant)


def limited() -> QuerySet[Assistant]:
    """The assistants that have a limit."""
    has_limit = Q()
    for name in SPENDING_LIMITS.values():
        has_limit |= Q(**{f"{name}__isnull": False})
    return Assistant.objects.filter(has_limit).select_related("account")


Sums = dict[int, dict[Key, Decimal]]


def _sums(accounts: Collection[int]) -> tuple[Sums, Sums]:
    """What accounts have spent and what is reserved, as of one moment.

    One statement: in between two of them a call could end, and count in neither.
    """
    spent: Sums = defaultdict(lambda: defaultdict(Decimal))
    reserved: Sums = defaultdict(lambda: defaultdict(Decimal))
    if not accounts:
        return spent, reserved
    now = timezone.now()
    keys, today = [*accounts], now.date()
    names = [f"{period}_{unit}" for period, unit in SPENDING_LIMITS]
    amounts = {
        "cost": "cost",
        "tokens": "tokens_in + tokens_out",
        "requests": "requests",
    }
    held = {"cost": "SUM(cost)", "tokens": "SUM(tokens)", "requests": "COUNT(*)"}
    of_usage = ", ".join(
        f"SUM(CASE WHEN day >= %s THEN {amounts[unit]} ELSE 0 END) AS {name}"
        for name, (_period, unit) in zip(names, SPENDING_LIMITS, strict=True)
    )
    of_held = ", ".join(held[unit] for _period, unit in SPENDING_LIMITS)
    month = today.replace(day=1)
    since = [today if period == "day" else month for period, _unit in SPENDING_LIMITS]
    among = f"account_id IN ({store.placeholders(keys)})"
    rows = store.fetch(
        f"SELECT account_id, 0 AS is_held, {of_usage} FROM {Usage._meta.db_table}"
        f" WHERE {among} AND day >= %s AND provider <> 'local' GROUP BY account_id"
        f" UNION ALL SELECT account_id, 1, {of_held} FROM {Reservation._meta.db_table}"
        f" WHERE {among} AND expires_at > %s GROUP BY account_id",
        [*since, *keys, month, *keys, now],
    )
    for row in rows:
        into = (reserved if row["is_held"] else spent)[row["account_id"]]
        for key, name in zip(SPENDING_LIMITS, names, strict=True):
            # SQLite adds up floats.
            into[key] = Decimal(str(row[name])).quantize(_SMALLEST)
    return spent, reserved


# -- Reserving -----------------------------------------------------------------


class _Room:
    """What an account may still spend, while wishes are granted one by one."""

    def __init__(self, left: dict[Key, Decimal]) -> None:
        self._left = left

    def take(self, cost: Decimal, tokens: int) -> bool:
        """Take a call's most away; False where there is nothing left to take from."""
        if any(left <= 0 for left in self._left.values()):
            return False
        amounts = {"cost": cost, "tokens": Decimal(tokens), "requests": Decimal(1)}
        for key in self._left:
            self._left[key] -= amounts[key[1]]
        return True


@transaction.atomic
def reserve(wishes: Sequence[Wish]) -> list[bool]:
    """Which of these calls may be made, in their order; they are reserved for."""
    rooms = _rooms({each.account_id for each in wishes})
    expires_at = timezone.now() + dt.timedelta(seconds=EXPIRY_S)
    granted, rows = [], []
    for each in wishes:
        amounts = each.tokens_in, each.tokens_out
        cost = pricing.cost(each.provider, each.model, *amounts) or _ZERO
        room = rooms.get(each.account_id)
        granted.append(room is None or room.take(cost, sum(amounts)))
        if room is not None and granted[-1]:
            rows.append(
                Reservation(
                    account_id=each.account_id,
                    holder=each.holder,
                    worker=each.worker,
                    cost=cost,
                    tokens=sum(amounts),
                    expires_at=expires_at,
                )
            )
    store.insert_rows(rows)
    return granted


def _rooms(accounts: Collection[int]) -> dict[int, _Room]:
    """What accounts with limits have left; nobody else reserves until we commit."""
    rows = Assistant.objects.select_for_update(no_key=True).order_by("pk")
    # Locked first and summed then, so that the sums hold what the last holder wrote.
    limits = {
        each.account_id: each.spending_limits
        for each in rows.filter(pk__in=accounts)
        if each.spending_limits
    }
    spent, reserved = _sums(limits)
    return {
        account: _Room(
            {key: limit - spent[account][key] - reserved[account][key]
             for key, limit in own.items()}
        )
        for account, own in limits.items()
    }  # fmt: skip


def release_of(workers: Iterable[int]) -> None:
    """Release what dead workers had reserved."""
    Reservation.objects.filter(worker__in=[*workers]).delete()


def forget_expired() -> None:
    """Delete reservations that count no more."""
    Reservation.objects.filter(expires_at__lte=timezone.now()).delete()
