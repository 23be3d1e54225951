"""Look: ask the provider whose a thread is, where its news may be late."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from django.db import transaction
from django.utils import timezone

from conversations import intake
from conversations.models import Conversation
from core import store, work
from core.exceptions import ProviderError
from integrations.facts import cache

if TYPE_CHECKING:
    from collections.abc import Sequence

    from integrations.adapters.base import Adapter
    from integrations.adapters.inbound import Inbound

logger = logging.getLogger(__name__)

#: Conversations that are asked about at once.
BATCH: Final = 50
#: After so long a look that brought nothing is made again, by whoever is there then.
AGAIN: Final = dt.timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Look:
    """A thread that is to be asked about."""

    conversation_id: int
    #: The provider's id of it.
    thread: str
    address: dict[str, str]
    adapter: Adapter
    #: What `look_at` is while this look is made.
    until: dt.datetime


@work.register
class LookStep(work.Step):
    """Asks providers whose their threads are."""

    name: ClassVar[str] = "look"

    async def run(self) -> float | None:
        looks = await self.loop.db(claim)
        await asyncio.gather(*(self._look(each) for each in looks))
        return 0.0 if len(looks) == BATCH else None

    async def _look(self, each: Look) -> None:
        try:
            found = await each.adapter.look(each.thread, each.address)
        except ProviderError as exc:
            # Nothing of the assistant leaves before it has asked for itself.
            logger.info("Nobody says whose %s is: %s", each.conversation_id, exc.code)
            return
        await self.loop.db(settle, each, found)


@transaction.atomic
def claim() -> list[Look]:
    """Take what is to be looked at; whoever asks in vain leaves it to be asked again."""
    now = timezone.now()
    until = now + AGAIN
    rows = Conversation.objects.filter(look_at__lte=now).order_by("look_at")
    if store.is_postgresql():
        rows = rows.select_for_update(skip_locked=True, of=("self",))
    found = list(rows[:BATCH])
    if not found:
        return []
    keys = [each.pk for each in found]
    Conversation.objects.filter(pk__in=keys).update(look_at=until)
    adapters = cache.of(each.channel_id for each in found)
    return [
        Look(each.pk, each.external_id, each.address, adapters[each.channel_id], until)
        for each in found
    ]


def settle(look: Look, found: Sequence[Inbound]) -> None:
    """Take in what the provider said; a wish to look that came since stays."""
    intake.receive([(look.adapter.channel, each) for each in found])
    rows = Conversation.objects.filter(pk=look.conversation_id, look_at=look.until)
    rows.update(look_at=None)
