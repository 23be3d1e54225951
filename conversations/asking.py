"""Ask and wait: for callers that want the reply in the answer to their request."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asgiref.sync import sync_to_async
from django.conf import settings
from django.utils.translation import gettext as _

from conversations import intake, live
from conversations.models import Conversation, Message
from core.text import clean_text
from integrations.facts import facts_of

if TYPE_CHECKING:
    from integrations.adapters.base import InboundMessage
    from integrations.models import Channel

#: Seconds beyond the engine's own budget before the caller gets an honest line.
GRACE_S = 5.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of a question."""

    conversation: Conversation
    question: Message
    #: None: people reply here, or nobody could in time.
    reply: Message | None

    @property
    def needs_person(self) -> bool:
        """Whether the caller should offer a person or a ticket."""
        return self.question.state != Message.State.ANSWERED

    @property
    def text(self) -> str:
        """What to show the contact."""
        if self.reply is not None:
            return self.reply.text
        if self.question.state == Message.State.WAITING:
            return _("I can't answer right now. A colleague will answer you here.")
        return _("A colleague has your message and will answer you here.")


async def ask(channel: Channel, inbound: InboundMessage) -> Asked:
    """Store a message and wait for what becomes of it.

    A caller that goes away loses only the wait: the message and its reply stand.
    """
    received = await sync_to_async(intake.receive)([(facts_of(channel), inbound)])
    key = received[0].message_id

    async def look() -> Asked | None:
        return await sync_to_async(_look)(key)

    found = await live.wait_until(
        live.conversation_group(channel.pk, inbound.conversation_id),
        look,
        timeout_s=settings.REPLY_BUDGET_S + GRACE_S,
    )
    return found or await sync_to_async(_state)(key)


def _look(key: int) -> Asked | None:
    asked = _state(key)
    return None if asked.question.state == Message.State.WAITING else asked


def _state(key: int) -> Asked:
    question = Message.objects.select_related("conversation").get(pk=key)
    replies = Message.objects.filter(
        conversation_id=question.conversation_id,
        author=Message.Author.ASSISTANT,
        pk__gt=key,
        # One to earlier words may have been committed after this question came.
        answers_up_to__gte=key,
    )
    reply = replies.order_by("id").first()
    return Asked(question.conversation, question, reply)


def name_of(*parts: str) -> str:
    """One external id out of several parts that strangers may have chosen."""
    return json.dumps([clean_text(part) for part in parts])
