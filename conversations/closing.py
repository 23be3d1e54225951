"""What becomes of conversations whose account or channel is given up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import F

from conversations import services
from conversations.models import Conversation, Delivery
from core import store

if TYPE_CHECKING:
    from accounts.models import Account
    from integrations.models import Channel

#: Conversations that are deleted at once, with all that was said in them.
BATCH: Final = 100


@transaction.atomic
def delete_batch(account: Account) -> int:
    """Delete some of an account's conversations; returns how many it looked at.

    Nobody speaks in them any more. One that a worker still holds waits for the next
    time, so that its turn does not end in a conversation that is not there.
    """
    rows = Conversation.objects.filter(account=account)
    if store.is_postgresql():
        rows = rows.select_for_update(of=("self",))
    keys = [row.pk for row in rows.order_by("id")[:BATCH]]
    batch = Conversation.objects.filter(pk__in=keys)
    batch.update(due_at=None, waiting_since=None, epoch=F("epoch") + 1)
    leaving = Delivery.objects.filter(
        conversation__in=keys,
        state__in=[Delivery.State.CLAIMED, Delivery.State.SENDING],
    )
    free = batch.filter(worker__isnull=True).exclude(
        pk__in=leaving.values("conversation_id")
    )
    free.delete()
    return len(keys)


def close_all(channel: Channel) -> None:
    """End what is open on a channel; each in a transaction of its own, again if need be."""
    rows = Conversation.objects.filter(channel=channel).order_by("id")
    for row in rows.exclude(status=Conversation.Status.CLOSED).iterator():
        services.close(conversation=row, reason="disconnected")
