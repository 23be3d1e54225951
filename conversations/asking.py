"""Ask and wait: for callers that want the reply in the answer to their request."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
from integrations.facts import facts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from conversations.intake import Arrival, Received
    from integrations.adapters.inbound import InboundMessage
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
    received = await _receptions.add((facts_of(channel), inbound))
    if isinstance(received, Exception):
        raise received
    key = received.message_id
    found = await live.wait_until(
        live.conversation_group(channel.pk, inbound.conversation_id),
        lambda: _looks.add(key),
        timeout_s=settings.REPLY_BUDGET_S + GRACE_S,
    )
    if found is None:
        found = await database_sync_to_async(_state)(key)
    return found


def _receive_each(arrivals: Sequence[Arrival]) -> list[Received | Exception]:
    """Store messages together; if one of them cannot be stored, one by one.

    Returns an error for each that could not be stored, so that it harms no other.
    """
    try:
        return [*intake.receive(arrivals)]
    except (OperationalError, InterfaceError):
        raise  # the database is away
    except Exception as exc:  # noqa: BLE001 (the caller gets it)
        if len(arrivals) == 1:
            return [exc]
        return [found for each in arrivals for found in _receive_each([each])]


def _look_each(keys: Sequence[int]) -> list[Asked | None]:
    """What became of questions; None for each that still waits."""
    found = _asked(keys, "AND state <> 'waiting'")
    return [found.get(key) for key in keys]


def _state(key: int) -> Asked:
    return _asked([key])[key]


def _asked(keys: Sequence[int], where: str = "") -> dict[int, Asked]:
    """The questions by id, each with the first reply that has read it."""
    are_these, params = store.any_of(keys)
    these = f"FROM conversations_message WHERE id {are_these} {where}"
    bundle = Bundle()
    questions = bundle.fetch(
        f"SELECT {store.columns(Message, 'conversations_message')} {these}", params
    )
    conversations = bundle.fetch(
        f"SELECT {store.columns(Conversation, 'c')} FROM conversations_conversation c"
        f" WHERE c.id IN (SELECT conversation_id {these})",
        params,
    )
    # One to earlier words may have been committed after a question came.
    answers = bundle.fetch(
        f"SELECT {store.columns(Message, 'm')} FROM conversations_message m"
        f" WHERE m.conversation_id IN (SELECT conversation_id {these})"
        " AND m.author = 'assistant' AND m.answers_up_to >= %s ORDER BY m.id",
        [*params, min(keys)],
    )
    bundle.send()
    by_id = {each.pk: each for each in store.instances(Conversation, conversations)}
    replies: dict[int, list[Message]] = defaultdict(list)
    for reply in store.instances(Message, answers):
        replies[reply.conversation_id].append(reply)
    found = {}
    for question in store.instances(Message, questions):
        # Who is being forgotten has no conversation any more.
        if question.conversation_id in by_id:
            question.conversation = by_id[question.conversation_id]
            answer = _first(question.pk, replies[question.conversation_id])
            found[question.pk] = Asked(question.conversation, question, answer)
    return found


def _first(key: int, replies: Iterable[Message]) -> Message | None:
    return next((each for each in replies if (each.answers_up_to or 0) >= key), None)


#: Those who ask at one moment share a transaction, and those who look a query. Not too
#: many: the first are being answered while the others are stored.
_receptions: store.GroupCommit[Arrival, Received | Exception] = store.GroupCommit(
    database_sync_to_async(_receive_each), most=32
)
_looks: store.GroupCommit[int, Asked | None] = store.GroupCommit(
    database_sync_to_async(_look_each)
)


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
