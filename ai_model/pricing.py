"""What calls cost: by the installation's own prices, else by those that we ship."""

from __future__ import annotations

import time
from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from django.utils import timezone

from ai_model.models import Price
from ai_model.providers import models
from ai_model.providers.models import Rate, rate_on

if TYPE_CHECKING:
    import datetime as dt

#: Seconds after which a process looks whether prices were changed elsewhere.
_KEPT_S: Final = 30.0
_FREE: Final = Rate(Decimal(0), Decimal(0))

Rates = dict[tuple[str, str], list[Rate]]
#: When the installation's prices were read, and which they were.
_kept: list[tuple[float, Rates]] = []


def rate(provider: str, name: str, day: dt.date | None = None) -> Rate | None:
    """What a model costs on a day, or today; None where that is not known.

    May ask the database, so not on the engine's loop.
    """
    if provider == "local":
        return _FREE
    day = day or timezone.now().date()
    name = name.removeprefix("models/")
    own = rate_on(_own().get((provider, name), ()), day)
    shipped = models.lookup(provider, name)
    return own or (rate_on(shipped.rates, day) if shipped else None)


def cost(
    provider: str,
    name: str,
    tokens_in: int,
    tokens_out: int,
    day: dt.date | None = None,
) -> Decimal | None:
    """What a call costs in dollars; None where the price is not known."""
    found = rate(provider, name, day)
    return found.cost(tokens_in, tokens_out) if found else None


def forget() -> None:
    """Read the prices anew, after a change or between tests."""
    _kept.clear()


def _own() -> Rates:
    now = time.monotonic()
    if _kept and now - _kept[0][0] < _KEPT_S:
        return _kept[0][1]
    found: Rates = defaultdict(list)
    for each in Price.objects.all():
        found[each.provider, each.model.removeprefix("models/")].append(
            Rate(each.price_in, each.price_out, each.valid_from)
        )
    _kept[:] = [(now, dict(found))]
    return _kept[0][1]
