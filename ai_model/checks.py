"""What this app reports to `GET /api/health`."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.utils import timezone

from ai_model import providers
from conversations.models import Conversation
from core.health import Check, Degraded, register
from knowledge.models import Entry

#: Seconds after which a message that waits means trouble.
LATE_S = 60.0
#: Seconds for which a provider's answer is believed, to spare it our calls.
KEEP_S = 60.0


async def _check_queue() -> dict[str, Any]:
    age = await sync_to_async(oldest_waiting_s)()
    if age > LATE_S:
        raise Degraded(f"The oldest waiting message is {age:.0f} s old.")
    return {"oldest_waiting_seconds": round(age, 1)}


def oldest_waiting_s() -> float:
    """Age in seconds of the oldest message that waits for the assistant."""
    rows = Conversation.objects.filter(waiting_since__isnull=False)
    oldest = rows.order_by("waiting_since").values_list("waiting_since", flat=True)
    since = oldest.first()
    return max(0.0, (timezone.now() - since).total_seconds()) if since else 0.0


async def _check_knowledge() -> dict[str, Any]:
    count = await sync_to_async(Entry.objects.published().count)()
    if not count:
        raise Degraded("There are no published entries to answer from.")
    return {"entries": count}


def _check_provider(key: str) -> Check:
    provider = providers.get(key)

    async def run() -> None:
        await provider.check(3.0)

    return Check(run, provider.is_configured, keep_s=KEEP_S)


register("queue", Check(_check_queue))
register("knowledge", Check(_check_knowledge))
register("openai_chat", _check_provider("openai"))
register("gemini", _check_provider("gemini"))
