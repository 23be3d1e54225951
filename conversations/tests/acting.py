"""What contacts and workers do, in few words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from conversations import intake, replies
from conversations.models import Conversation, Message
from conversations.replies import Committed, Reply
from core.bundle import Bundle
from integrations.adapters.inbound import InboundMessage, InboundTurnover, Turnover
from integrations.facts import facts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

WORKER = 7


def inbound(text: str, thread: str = "thread-1", id_: str = "", **more: Any) -> Any:
    """What an adapter would make of a contact's words."""
    values = {
        "conversation_id": thread,
        "contact_id": f"contact-of-{thread}",
        "external_id": id_,
        "text": text,
        "address": {"conversation": "418"},
        **more,
    }
    return InboundMessage(**values)


def say(channel: Any, text: str, **more: Any) -> Any:
    """A contact writes."""
    return intake.receive([(facts_of(channel), inbound(text, **more))])[0]


def turn_over(channel: Any, turnover: Turnover, thread: str = "thread-1") -> None:
    """Somebody acts in the provider's own app."""
    news = InboundTurnover(thread, turnover, read_at=timezone.now())
    intake.receive([(facts_of(channel), news)])


def claim(conversation: Conversation, worker: int = WORKER) -> Conversation:
    """A worker begins a turn."""
    Conversation.objects.filter(pk=conversation.pk).update(worker=worker)
    conversation.refresh_from_db()
    return conversation


def answer(conversation: Conversation, text: str = "Three days.", **more: Any) -> Reply:
    """What the worker's turn wants to say, having read everything so far."""
    newest = conversation.messages.filter(author="contact").latest("id")
    values: dict[str, Any] = {
        "account_id": conversation.account_id,
        "conversation_id": conversation.pk,
        "worker": conversation.worker,
        "epoch": conversation.epoch,
        "last_message_id": newest.pk,
        "outcome": Message.State.ANSWERED,
        "reason": "answered",
        "text": text,
        **more,
    }
    return Reply(**values)


def commit_all(wanted: Sequence[Reply]) -> list[Committed]:
    """Commit replies as a worker does."""
    with transaction.atomic():
        bundle = Bundle()
        results = replies.commit(wanted, bundle)
        bundle.send()
    return results


def commit(
    conversation: Conversation, text: str = "Three days.", **more: Any
) -> Committed:
    """A worker claims the conversation and answers."""
    claim(conversation)
    return commit_all([answer(conversation, text, **more)])[0]
