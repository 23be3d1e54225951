"""Turnovers: what people at the provider do with a conversation, and whether it is news."""

from __future__ import annotations

import datetime as dt
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from conversations import live
from conversations.models import Conversation, Delivery
from conversations.signals import conversation_changed_hands
from core import work
from integrations.adapters.inbound import InboundTurnover, Turnover

#: For so long news of a status may be the echo of what we told.
ECHO = dt.timedelta(minutes=10)


def take(conversation: Conversation, inbound: InboundTurnover) -> None:
    """Follow what a person did, or what a provider says is so; the caller locks it."""
    status = Conversation.Status
    change = (inbound.turnover, conversation.status)
    if change not in _CHANGES or not _may_believe(conversation, inbound):
        return
    match inbound.turnover:
        case Turnover.TO_SUPPORT:
            conversation.give_to_support("person_acted")
            conversation.needs_person = False
        case Turnover.TO_ASSISTANT:
            conversation.give_to_assistant(inbound.reason or "person_handed_back")
        case Turnover.CLOSED:
            conversation.close("closed_by_person")
    if inbound.is_persons and conversation.status == status.SUPPORT_ACTIVE:
        tell_provider(conversation)
    conversation.seq = live.next_seq(conversation.account_id)
    conversation.save(update_fields=[*Conversation.TURNOVER_FIELDS, "seq"])
    conversation_changed_hands.send(sender=Conversation, conversation=conversation)
    live.announce([conversation])


#: Turnovers that change anything, with the status in which they do.
_CHANGES: Final = {
    (Turnover.TO_SUPPORT, Conversation.Status.ACTIVE),
    (Turnover.TO_SUPPORT, Conversation.Status.CLOSED),
    (Turnover.TO_ASSISTANT, Conversation.Status.SUPPORT_ACTIVE),
    (Turnover.CLOSED, Conversation.Status.ACTIVE),
    (Turnover.CLOSED, Conversation.Status.SUPPORT_ACTIVE),
}


def _may_believe(conversation: Conversation, inbound: InboundTurnover) -> bool:
    """Whether news holds; where it may be late, the provider is asked instead.

    Providers neither say who changed a status nor send their news in order: an "open"
    may be the echo of our own handoff, of before it was handed back.
    """
    if inbound.is_persons or not conversation.channel.adapter.can_ask:
        return True
    news = conversation.deliveries.filter(kind__in=Delivery.NEWS)
    if inbound.read_at is not None:
        # What we have told since then, or are to tell, is newer.
        newer = Q(state__in=Delivery.OPEN) | Q(sent_at__gte=inbound.read_at)
        return not news.filter(newer).exists()
    if inbound.turnover is Turnover.TO_SUPPORT:
        since = timezone.now() - ECHO
        ours = Q(state__in=Delivery.OPEN) | Q(sent_at__gte=since)
        if not news.filter(ours).exists():
            return True  # a person's, and at once
    _look(conversation)
    return False


def _look(conversation: Conversation) -> None:
    """Have the provider asked whose this is."""
    Conversation.objects.filter(pk=conversation.pk).update(look_at=timezone.now())
    transaction.on_commit(lambda: work.wake("look"))


def tell_provider(conversation: Conversation) -> None:
    """A person took it over there without saying so by its status, so we do."""
    if conversation.channel.adapter.announces_handoff:
        Delivery.objects.create(
            account_id=conversation.account_id,
            conversation=conversation,
            kind=Delivery.Kind.HAND_OFF,
            epoch=conversation.epoch,
            due_at=timezone.now(),
        )
        transaction.on_commit(lambda: work.wake("deliver"))
