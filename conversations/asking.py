"""Ask and wait: for callers that want the reply in the answer to their request."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import Q
from django.utils.translation import gettext as _

from conversations import intake, live
from conversations.models import Conversation, Message
from conversations.signals import measures_wanted
from core import store
from core.bundle import Bundle
from core.groups import ThreadedCommit
from integrations.facts import facts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from conversations.intake import Arrival, Received
    from integrations.adapters.inbound import InboundMessage
    from integrations.models import Channel

logger = logging.getLogger(__name__)

T = TypeVar("T")

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
    received = await _receptions.add((facts_of(channel), inbound))
    if isinstance(received, Exception):
        raise received
    return await outcome(channel, inbound.conversation_id, received.message_id)


async def outcome(channel: Channel, thread: str, key: int) -> Asked:
    """Wait for what becomes of a question that was stored, by the id of its message."""
    found = await live.wait_until(
        live.conversation_group(channel.pk, thread),
        lambda: _looks.add(key),
        timeout_s=settings.REPLY_BUDGET_S + GRACE_S,
    )
    if found is None:
        found = await database_sync_to_async(_state)(key)
    return found


def receive_each(arrivals: Sequence[Arrival]) -> list[Received | Exception]:
    """Store messages together; if one of them cannot be stored, one by one.

    Returns an error for each that could not be stored, so that it harms no other.
    """
    if not arrivals:
        return []
    try:
        return [*intake.receive(arrivals)]
    except (OperationalError, InterfaceError):
        raise  # the database is away
    except Exception as exc:  # noqa: BLE001 (the caller gets it)
        if len(arrivals) == 1:
            return [exc]
        return [found for each in arrivals for found in receive_each([each])]


def _look_each(keys: Sequence[int]) -> list[Asked | None]:
    """What became of questions; None for each that still waits."""
    try:
        found = _asked(keys, "AND q.state <> 'waiting'")
    except (OperationalError, InterfaceError):
        # The database was away; the questions are stored, and looked for again.
        logger.warning("%s questions could not be looked for", len(keys), exc_info=True)
        return [None] * len(keys)
    return [found.get(key) for key in keys]


def _state(key: int) -> Asked:
    return _asked([key])[key]


def _asked(keys: Sequence[int], where: str = "") -> dict[int, Asked]:
    """The questions by id, each with the first reply that has read it."""
    values, params = store.with_values({"id": "bigint"}, [[key] for key in keys])
    asked = store.joined("conversations_message", "q", f"q.id = v.id {where}")
    held = store.joined("conversations_conversation", "c", "c.id = q.conversation_id")
    # One to earlier words may have been committed after a question came.
    answered = store.joined(
        "conversations_message",
        "m",
        "m.conversation_id = q.conversation_id AND m.author = 'assistant'"
        " AND m.answers_up_to >= q.id",
    )
    bundle = Bundle()
    questions = bundle.fetch(
        f"{values} SELECT {store.columns(Message, 'q')} FROM v {asked}", params
    )
    conversations = bundle.fetch(
        f"{values} SELECT {store.columns(Conversation, 'c')} FROM v {asked} {held}",
        params,
    )
    answers = bundle.fetch(
        f"{values} SELECT v.id AS question, {store.columns(Message, 'm')}"
        f" FROM v {asked} {answered} ORDER BY m.id DESC",
        params,
    )
    bundle.send()
    by_id = {each.pk: each for each in store.instances(Conversation, conversations)}
    # The oldest comes last, and stays.
    replies: dict[int, Message] = {
        each.question: each  # type: ignore[attr-defined] # what else the row holds
        for each in store.instances(Message, answers)
    }
    found = {}
    for question in store.instances(Message, questions):
        # Who is being forgotten has no conversation any more.
        if question.conversation_id in by_id:
            question.conversation = by_id[question.conversation_id]
            found[question.pk] = Asked(
                question.conversation, question, replies.get(question.pk)
            )
    return found


async def in_thread(function: Callable[[], T]) -> T:
    """Call something that uses the database, in a thread that looks after it."""
    found: T = await database_sync_to_async(function)()
    return found


#: Questions that share a transaction, at most. The first are being answered while the
#: others are stored.
MOST_TOGETHER: Final = 32
_receptions: ThreadedCommit[Arrival, Received | Exception] = ThreadedCommit(
    receive_each, in_thread, most=MOST_TOGETHER
)
_looks: ThreadedCommit[int, Asked | None] = ThreadedCommit(_look_each, in_thread)


def measures(question: Message) -> dict[str, Any]:
    """What was measured on the way to a reply, by those who made it."""
    found: dict[str, Any] = {}
    told: Any = measures_wanted.send(sender=Message, question=question)
    for _receiver, values in told:
        found.update(values)
    return found


def requires_escalation(reply: Message) -> bool:
    """Whether whoever got this reply was offered a person or a ticket, or asked for it."""
    if reply.answers_up_to is None:
        return False
    question = Message.objects.filter(pk=reply.answers_up_to)
    was_offered = ~Q(state=Message.State.ANSWERED) | Q(escalation__isnull=False)
    return question.filter(was_offered).exists()
