"""How much a channel takes, from one person and in all."""

from __future__ import annotations

import hashlib
import ipaddress
from typing import TYPE_CHECKING, Final, Literal

from django.conf import settings
from django.utils.translation import gettext as _

from core import rates
from core.exceptions import RateLimited
from core.rates import Bucket, Rate

if TYPE_CHECKING:
    from integrations.adapters.base import ChannelFacts

#: What is counted for itself: questions, and what is said about their answers.
Call = Literal["ask", "rate", "escalate", "decide"]

#: A channel takes as much as this many people may say, from one address half of it, so
#: that no stranger who makes up people shuts out everybody else.
_PEOPLE: Final = 100
_PEOPLE_AT_ADDRESS: Final = 50


def admit(
    channel: ChannelFacts,
    person: str,
    *,
    address: str,
    is_signed: bool = False,
    call: Call = "ask",
) -> None:
    """Count a call, or raise `RateLimited`; who is refused is not counted.

    Somebody whose identity is signed is counted apart from all who only say who they
    are, and not by address: neither can others use up what is theirs.
    """
    limit = rates.parse(channel.rate_limit or settings.CHAT_RATE_LIMIT)
    # The braces keep a channel's buckets together where Redis is a cluster.
    root = f"{{{channel.uuid}}}.{call}.{'signed' if is_signed else 'open'}"
    buckets = [
        Bucket(f"{root}.person.{_digest(person)}", limit),
        Bucket(f"{root}.all", _times(limit, _PEOPLE)),
    ]
    if not is_signed:
        name = f"{root}.address.{_digest(_network(address))}"
        buckets.append(Bucket(name, _times(limit, _PEOPLE_AT_ADDRESS)))
    wait = rates.take(buckets)
    if wait > 0:
        raise RateLimited(_("Too many messages."), retry_after=wait)


def _times(limit: tuple[Rate, ...], people: int) -> tuple[Rate, ...]:
    return tuple(Rate(each.count * people, each.seconds) for each in limit)


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def _network(address: str) -> str:
    """The address; of IPv6 the part that one household shares."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))
    return str(found)
