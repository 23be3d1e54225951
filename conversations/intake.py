"""Receive: from what adapters parsed to contact, conversation and message.

Many arrivals at once, in a handful of statements.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from conversations import amending, forgetting, live, threads, turnovers, twins
from conversations.models import Contact, Conversation, Message
from conversations.signals import (
    conversation_changed_hands,
    messages_received,
    person_replied,
)
from core import store, work
from core.bundle import Bundle
from core.text import clean_text, truncate
from integrations.adapters.base import ChannelFacts
from integrations.adapters.inbound import (
    Inbound,
    InboundErasure,
    InboundMessage,
    InboundTurnover,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from conversations.threads import MessageArrival

Arrival = tuple[ChannelFacts, Inbound]

#: Longest text of one message that is kept.
MAX_TEXT = 20_000
#: Attachments of one message that are kept.
MOST_ATTACHMENTS = 20
#: Words that end like this are a whole thought; no more are waited for.
_ENDINGS = tuple(".?!…。？！")
#: Seconds to wait for more after a fragment, and after one that may be whole.
QUIET_FRAGMENT_S = 1.2
QUIET_PHRASE_S = 0.5
#: Seconds after which a turn starts although more words keep coming.
QUIET_MOST_S = 4.0


@dataclass(frozen=True, slots=True)
class Received:
    """What became of one arriving message."""

    message_id: int
    conversation_id: int
    conversation_uuid: str
    is_new: bool


def receive(arrivals: Sequence[Arrival]) -> list[Received]:
    """Store what arrived; what is known already is not stored again.

    Returns one result per arriving message, in order.
    """
    results: list[Received] = []
    with transaction.atomic(savepoint=False):
        _lock_all(arrivals)
        for is_plain, group in itertools.groupby(arrivals, key=_is_contact_message):
            if is_plain:
                results += _receive_messages(list(group))  # type: ignore[arg-type]
                continue
            for facts, inbound in group:
                results += _receive_turnover(facts, inbound)
    return results


def hold(facts: ChannelFacts, inbound: InboundMessage) -> Conversation:
    """The conversation of these words, made where new, and locked."""
    arrival = (facts, inbound)
    return threads.hold([arrival])[facts.id, inbound.conversation_id]


def store_unanswered(
    conversation: Conversation, inbound: InboundMessage, *, reason: str
) -> Message:
    """Store a contact's words that the assistant is not to answer.

    They are handed over at once, for this reason. The conversation is locked.
    """
    if conversation.status == Conversation.Status.CLOSED:
        _reopen(conversation)
    conversation.needs_person |= conversation.assigned_to_id is None
    conversation.unread += 1
    _show(conversation, inbound.text, timezone.now())
    message = Message(
        account_id=conversation.account_id,
        conversation=conversation,
        author=Message.Author.CONTACT,
        text=clean_text(inbound.text)[:MAX_TEXT],
        attachments=_kept(inbound),
        state=Message.State.HANDED_OVER,
        reason=reason,
        external_id=inbound.external_id,
    )
    bundle = Bundle()
    numbers = _Numbers([message.account_id], bundle)
    bundle.send()
    _save([message], [conversation], numbers)
    return message


def _lock_all(arrivals: Sequence[Arrival]) -> None:
    """Lock what several kinds of arrivals will touch, before any of them takes numbers.

    Everywhere conversations come first, in order, and then accounts, in order; so no
    two transactions wait for each other.
    """
    if len({_is_contact_message(each) for each in arrivals}) < 2:
        return
    threads.lock([(facts.id, inbound.conversation_id) for facts, inbound in arrivals])
    threads.hold(
        [
            (facts, inbound)
            for facts, inbound in arrivals
            if isinstance(inbound, InboundMessage)
        ]
    )
    live.hold({facts.account_id for facts, _ in arrivals})


def _is_contact_message(arrival: Arrival) -> bool:
    inbound = arrival[1]
    return isinstance(inbound, InboundMessage) and inbound.author == "contact"


def quiet_s(text: str) -> float:
    """Seconds for which the contact may still add words to these."""
    if text.rstrip().endswith(_ENDINGS) or len(text) >= 120:
        return 0.0
    return QUIET_FRAGMENT_S if len(text.split()) <= 3 else QUIET_PHRASE_S


def _receive_messages(arrivals: list[MessageArrival]) -> list[Received]:
    conversations = threads.hold(arrivals)
    bundle = Bundle()
    stored = _known_messages(
        conversations.values(), {inbound.external_id for _, inbound in arrivals}, bundle
    )
    numbers = _Numbers([facts.account_id for facts, _ in arrivals], bundle)
    bundle.send()
    known = _ids_by_name(stored)
    #: Those that nobody named get a name that holds here.
    new: dict[tuple[int, str | int], Message] = {}
    #: Those that came another way already.
    joined: dict[tuple[int, str | int], Message] = {}
    names: list[tuple[Conversation, tuple[int, str | int]]] = []
    now = timezone.now()
    for number, (facts, inbound) in enumerate(arrivals):
        conversation = conversations[facts.id, inbound.conversation_id]
        name = (conversation.pk, inbound.external_id or number)
        names.append((conversation, name))
        if name in known or name in new or name in joined:
            continue
        twin = inbound.twin and twins.find(conversation, inbound, new.values())
        if twin:
            twins.join(conversation, twin, inbound)
            joined[name] = twin
        else:
            new[name] = _take_in(conversation, inbound, now)
    _save(list(new.values()), conversations.values(), numbers)
    if joined:
        transaction.on_commit(lambda: work.wake("turns"))
    known |= {name: each.pk for name, each in (new | joined).items()}
    return [
        Received(
            message_id=known[name],
            conversation_id=conversation.pk,
            conversation_uuid=str(conversation.uuid),
            is_new=name in new,
        )
        for conversation, name in names
    ]


def _take_in(
    conversation: Conversation, inbound: InboundMessage, now: dt.datetime
) -> Message:
    """The new message, and what it changes in its conversation."""
    if conversation.status == Conversation.Status.CLOSED:
        _reopen(conversation)
    is_ours = (
        conversation.status == Conversation.Status.ACTIVE and not inbound.was_answered
    )
    text = clean_text(inbound.text)[:MAX_TEXT]
    if is_ours:
        since = conversation.waiting_since or now
        pause = 0.0 if inbound.is_synchronous else quiet_s(text)
        pause = max(pause, inbound.twin_wait_s)
        conversation.waiting_since = since
        conversation.due_at = min(
            now + dt.timedelta(seconds=pause),
            max(now, since + dt.timedelta(seconds=QUIET_MOST_S)),
        )
    _show(conversation, text or _names(inbound), now)
    conversation.unread += 1
    conversation.address = twins.address_of(conversation, inbound)
    return Message(
        account_id=conversation.account_id,
        conversation=conversation,
        author=Message.Author.CONTACT,
        text=text,
        attachments=_kept(inbound),
        state=Message.State.WAITING if is_ours else Message.State.HANDED_OVER,
        reason="" if is_ours else _why_not_ours(conversation, inbound),
        external_id=inbound.external_id,
    )


def _why_not_ours(conversation: Conversation, inbound: InboundMessage) -> str:
    return "person_replied" if inbound.was_answered else conversation.status_reason


def _kept(inbound: InboundMessage) -> list[dict[str, Any]]:
    return [asdict(each) for each in inbound.attachments[:MOST_ATTACHMENTS]]


def _names(inbound: InboundMessage) -> str:
    """What lists show of a message without words."""
    return ", ".join(each.name or each.kind for each in inbound.attachments)


def _reopen(conversation: Conversation) -> None:
    """A closed conversation goes on as a new one would begin."""
    account = conversation.account_id
    reason = "human_mode" if conversation.channel.human_mode else ""
    reason = reason or threads.reasons_for_people({account}).get(account, "")
    if reason:
        conversation.give_to_support(reason)
    else:
        conversation.give_to_assistant("reopened")


def _show(conversation: Conversation, text: str, now: dt.datetime) -> None:
    conversation.last_text = truncate(text, 200)
    conversation.last_message_at = now


#: What a contact's message changes in its conversation.
_FIELDS = [
    *Conversation.TURNOVER_FIELDS,
    "address",
    "last_inbound_id",
    "last_message_at",
    "last_text",
    "unread",
    "seq",
]


class _Numbers:
    """Event numbers of accounts and ids of messages, one of each for every arrival.

    They are there once the bundle was sent. Those that nobody takes are left out.
    """

    def __init__(self, accounts: Sequence[int], bundle: Bundle) -> None:
        counts = Counter(accounts)
        self._seqs = {
            account: live.next_seqs(bundle, account, counts[account])
            for account in sorted(counts)
        }
        self._ids = bundle.reserve_ids(Message, len(accounts))

    def give(self, messages: Sequence[Message]) -> None:
        """Number messages, in order."""
        for message in messages:
            message.seq = next(self._seqs[message.account_id])
        for message, row in zip(messages, self._ids, strict=False):
            message.pk = row["id"]


def _save(
    new: list[Message], conversations: Iterable[Conversation], numbers: _Numbers
) -> None:
    if not new:
        return
    by_id = {each.pk: each for each in conversations}
    numbers.give(new)
    bundle = Bundle()
    bundle.insert_rows(new)
    touched: dict[int, Conversation] = {}
    for message in new:
        conversation = by_id[message.conversation_id]
        conversation.last_inbound_id = max(conversation.last_inbound_id, message.pk)
        conversation.seq = max(conversation.seq, message.seq)
        touched[conversation.pk] = conversation
    bundle.update_rows(list(touched.values()), _FIELDS)
    bundle.send()
    # Callbacks run in this order: the turn starts before those who watch are told.
    transaction.on_commit(lambda: work.wake("turns"))
    live.announce(touched.values())
    messages_received.send(sender=Conversation, conversations=list(touched.values()))


def _known_messages(
    conversations: Iterable[Conversation], names: set[str], bundle: Bundle
) -> store.Rows:
    # Two arrivals of one message meet here: the conversations are locked.
    if not (names := names - {""}):
        return []
    among, in_conversations = store.any_of([each.pk for each in conversations])
    named, in_names = store.any_text(names)
    return bundle.fetch(
        "SELECT id, conversation_id, external_id FROM conversations_message"
        f" WHERE conversation_id {among} AND external_id {named}",
        in_conversations + in_names,
    )


def _ids_by_name(rows: store.Rows) -> dict[tuple[int, str | int], int]:
    return {(row["conversation_id"], row["external_id"]): row["id"] for row in rows}


def _receive_turnover(facts: ChannelFacts, inbound: Inbound) -> list[Received]:
    """Somebody acted on the provider's side."""
    if isinstance(inbound, InboundMessage):
        return _receive_support_message(facts, inbound)
    if isinstance(inbound, InboundErasure):
        who = {"channel_id": facts.id, "external_id": inbound.contact_id}
        forgetting.forget(Contact.objects.filter(**who))
        return []
    conversation = threads.lock([(facts.id, inbound.conversation_id)]).get(
        (facts.id, inbound.conversation_id)
    )
    if conversation is None:
        return []
    if isinstance(inbound, InboundTurnover):
        turnovers.take(conversation, inbound)
    else:
        amending.amend(conversation, inbound, most=MAX_TEXT)
    return []


def _receive_support_message(
    facts: ChannelFacts, inbound: InboundMessage
) -> list[Received]:
    arrival = (facts, inbound)
    conversation = threads.hold([arrival])[facts.id, inbound.conversation_id]
    bundle = Bundle()
    stored = _known_messages([conversation], {inbound.external_id}, bundle)
    bundle.send()
    known = _ids_by_name(stored).get((conversation.pk, inbound.external_id))
    if known is not None:
        return [_received(conversation, known, is_new=False)]
    if inbound.is_echo and amending.is_our_own(
        conversation, inbound.external_id, inbound.text
    ):
        return []
    # Who writes into a closed conversation leaves it closed, as over there.
    has_changed = conversation.status == Conversation.Status.ACTIVE
    if has_changed:
        conversation.give_to_support("person_replied")
        turnovers.tell_provider(conversation)
    else:
        conversation.withhold_words("person_acted")
    conversation.needs_person = False
    text = clean_text(inbound.text)[:MAX_TEXT]
    _show(conversation, text or _names(inbound), timezone.now())
    conversation.seq = live.next_seq(conversation.account_id)
    message = Message.objects.create(
        account_id=conversation.account_id,
        conversation=conversation,
        author=Message.Author.SUPPORT,
        text=text,
        attachments=_kept(inbound),
        state=Message.State.SENT,
        external_id=inbound.external_id,
        seq=conversation.seq,
    )
    conversation.save(update_fields=_FIELDS)
    if has_changed:
        conversation_changed_hands.send(sender=Conversation, conversation=conversation)
    person_replied.send(sender=Message, message=message)
    live.announce([conversation])
    return [_received(conversation, message.pk, is_new=True)]


def _received(conversation: Conversation, message: int, *, is_new: bool) -> Received:
    return Received(message, conversation.pk, str(conversation.uuid), is_new)
