"""Commit: the assistant's replies, many at once, each only if it may still speak."""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from conversations import delivery, live
from conversations.models import Conversation, Delivery, Message
from conversations.signals import conversation_changed_hands, questions_unanswered
from core import store, work
from core.text import truncate
from integrations.facts import cache

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from core.bundle import Bundle
    from integrations.adapters.base import Adapter


@dataclass(frozen=True, slots=True)
class Reply:
    """What a turn wants to say and do."""

    account_id: int
    conversation_id: int
    #: Worker and epoch with which the turn began.
    worker: int
    epoch: int
    #: Newest of the contact's messages that the turn has read.
    last_message_id: int
    #: Terminal state of the contact's messages, and why.
    outcome: Message.State
    reason: str
    #: Empty: nothing is said.
    text: str
    confidence: float | None = None
    sources: list[dict[str, Any]] = field(default_factory=list)
    #: People reply from now on; `note` tells them why, where the provider can.
    hands_off: bool = False
    note: str = ""
    #: The text offers a person, and a person should look at it.
    offers_person: bool = False
    #: A person should look at it, although nothing was offered.
    needs_person: bool = False
    #: What the text begins with, as the first of the assistant's here.
    preamble: str = ""
    #: Give the turn back instead, when the contact has written more since.
    may_join: bool = True
    lang: str = ""


#: A reply that was committed, its conversation, and the id of what was said, if anything.
Settled = tuple[Reply, Conversation, "int | None"]


class Verdict(enum.StrEnum):
    """What became of a reply."""

    COMMITTED = "committed"
    #: The right to speak has changed hands; nothing was said.
    PERSON_ACTED = "person_acted"
    #: More words came; the turn keeps its claim and reads them too.
    MORE_WORDS = "more_words"
    #: Another worker holds the conversation now.
    LOST_CLAIM = "lost_claim"


@dataclass(frozen=True, slots=True)
class Committed:
    """The result for one reply."""

    verdict: Verdict
    message_id: int | None = None


def commit(replies: Sequence[Reply], bundle: Bundle) -> list[Committed]:
    """Settle replies in the caller's transaction; returns one result each, in order.

    The caller sends what is left in the bundle before that transaction ends.
    """
    conversations, ids = _lock(replies, bundle)
    verdicts = [
        _judge(reply, conversations.get(reply.conversation_id)) for reply in replies
    ]
    good = [
        (reply, conversations[reply.conversation_id])
        for reply, verdict in zip(replies, verdicts, strict=True)
        if verdict is Verdict.COMMITTED
    ]
    messages = _write(good, ids, bundle)
    _release(
        conversations[reply.conversation_id]
        for reply, verdict in zip(replies, verdicts, strict=True)
        if verdict is Verdict.PERSON_ACTED
    )
    return [
        Committed(verdict, messages.get(reply.conversation_id))
        for reply, verdict in zip(replies, verdicts, strict=True)
    ]


def _lock(
    replies: Sequence[Reply], bundle: Bundle
) -> tuple[dict[int, Any], store.Rows]:
    """The conversations, and ids for messages.

    Each conversation has its next number, and `is_busy`: earlier parts have not left yet.
    """
    are_these, keys = store.any_of([reply.conversation_id for reply in replies])
    rows = bundle.fetch(
        f"SELECT {store.columns(Conversation, 'c')}, EXISTS ("
        "  SELECT 1 FROM conversations_delivery d WHERE d.conversation_id = c.id"
        "  AND d.state IN ('waiting', 'claimed', 'sending')) AS is_busy"
        f" FROM conversations_conversation c WHERE c.id {are_these} ORDER BY c.id"
        f" {'FOR UPDATE OF c' if store.is_postgresql() else ''}",
        keys,
    )
    counts = Counter(reply.account_id for reply in replies)
    numbers = {
        account: live.next_seqs(bundle, account, counts[account])
        for account in sorted(counts)
    }
    ids = bundle.reserve_ids(Message, sum(bool(reply.text) for reply in replies))
    bundle.send()
    found = store.instances(Conversation, rows)
    for each in found:
        each.seq = next(numbers[each.account_id])
    return {each.pk: each for each in found}, ids


def _judge(reply: Reply, conversation: Conversation | None) -> Verdict:
    if conversation is None or conversation.worker != reply.worker:
        return Verdict.LOST_CLAIM
    if conversation.epoch != reply.epoch:
        return Verdict.PERSON_ACTED
    if reply.may_join and conversation.last_inbound_id > reply.last_message_id:
        return Verdict.MORE_WORDS
    return Verdict.COMMITTED


def _release(conversations: Any) -> None:
    keys = [conversation.pk for conversation in conversations]
    if keys:
        Conversation.objects.filter(pk__in=keys).update(worker=None, claimed_at=None)
        transaction.on_commit(lambda: work.wake("turns"))


def _write(
    good: list[tuple[Reply, Any]], ids: store.Rows, bundle: Bundle
) -> dict[int, int]:
    """Store what is said and done; returns message ids by conversation id."""
    if not good:
        return {}
    now = timezone.now()
    _settle_inbound(good, bundle)
    if any(reply.hands_off for reply, _ in good):
        # Answers settle what they have read before hands change, which settles the rest.
        bundle.send()
    adapters = cache.of(conversation.channel_id for _, conversation in good)
    spoken: list[tuple[Reply, Conversation, Message]] = []
    for reply, conversation in good:
        adapter = adapters[conversation.channel_id]
        message = _message(reply, conversation, adapter, now) if reply.text else None
        _move_on(reply, conversation, now)
        if message is not None:
            spoken.append((reply, conversation, message))
    messages = [message for _, _, message in spoken]
    for message, row in zip(messages, ids, strict=False):
        message.pk = row["id"]
    bundle.insert_rows(messages)
    deliveries = _deliveries(good, spoken, adapters, now)
    worker = good[0][0].worker
    busy = [conversation.pk for _, conversation in good if conversation.is_busy]
    first = delivery.start_first(deliveries, worker, busy)
    bundle.insert_rows(deliveries)
    _save([conversation for _, conversation in good], bundle)
    # Callbacks run in this order: sending comes before telling who watches.
    transaction.on_commit(lambda: delivery.send_started(first, worker))
    if len(first) < len(deliveries):
        transaction.on_commit(lambda: work.wake("deliver"))
    live.announce(conversation for _, conversation in good)
    if any(conversation.due_at for _, conversation in good):
        transaction.on_commit(lambda: work.wake("turns"))
    said = {conversation.pk: message.pk for _, conversation, message in spoken}
    _tell_unanswered(good, said, bundle)
    return said


def _tell_unanswered(
    good: list[tuple[Reply, Any]], said: dict[int, int], bundle: Bundle
) -> None:
    settled: list[Settled] = [
        (reply, conversation, said.get(conversation.pk))
        for reply, conversation in good
        if reply.outcome != Message.State.ANSWERED or reply.reason == "declined"
    ]
    if settled:
        bundle.send()
        questions_unanswered.send(sender=Message, settled=settled)


def _settle_inbound(good: list[tuple[Reply, Conversation]], bundle: Bundle) -> None:
    bundle.update_from(
        "conversations_message",
        columns={
            "conversation": "bigint",
            "last": "bigint",
            "state": "text",
            "reason": "text",
        },
        rows=[
            (reply.conversation_id, reply.last_message_id, reply.outcome, reply.reason)
            for reply, _ in good
        ],
        assign="state = v.state, reason = v.reason",
        where=(
            "t.conversation_id = v.conversation AND t.id <= v.last"
            " AND t.state = 'waiting'"
        ),
    )


def _message(
    reply: Reply, conversation: Conversation, adapter: Adapter, now: dt.datetime
) -> Message:
    since = conversation.waiting_since or now
    return Message(
        account_id=conversation.account_id,
        conversation=conversation,
        seq=conversation.seq,
        author=Message.Author.ASSISTANT,
        text=reply.text,
        preamble=reply.preamble,
        state=Message.State.SENT if adapter.is_pulled else Message.State.SENDING,
        reason=reply.reason,
        confidence=reply.confidence,
        sources=reply.sources,
        answers_up_to=reply.last_message_id,
        latency_ms=max(0, int((now - since).total_seconds() * 1000)),
    )


def _move_on(reply: Reply, conversation: Conversation, now: dt.datetime) -> None:
    """What the reply changes in its conversation."""
    has_more = conversation.last_inbound_id > reply.last_message_id
    conversation.worker = None
    conversation.claimed_at = None
    conversation.attempts = 0
    conversation.due_at = now if has_more else None
    conversation.waiting_since = now if has_more else None
    conversation.has_offer = reply.offers_person
    if reply.offers_person or reply.needs_person:
        conversation.needs_person = True
    if reply.lang:
        conversation.lang = reply.lang
    if reply.preamble:
        conversation.greeted_at = now
    if reply.text:
        # All conversations begin with the same greeting; a list is to tell them apart.
        words = reply.text.removeprefix(reply.preamble).lstrip()
        conversation.last_text = truncate(words or reply.text, 200)
        conversation.last_message_at = now
    if reply.hands_off:
        conversation.give_to_support(reply.reason)
        conversation_changed_hands.send(sender=Conversation, conversation=conversation)


def _deliveries(
    good: list[tuple[Reply, Conversation]],
    spoken: list[tuple[Reply, Conversation, Message]],
    adapters: Mapping[int, Adapter],
    now: dt.datetime,
) -> list[Delivery]:
    """The parts of what was said, then the news of handoffs, for channels we push to."""
    texts = [
        Delivery(
            account_id=conversation.account_id,
            conversation=conversation,
            message=message,
            part=part,
            text=text,
            epoch=conversation.epoch,
            due_at=now,
        )
        for _, conversation, message in spoken
        if not adapters[conversation.channel_id].is_pulled
        for part, text in enumerate(
            adapters[conversation.channel_id].split(message.text, conversation.address)
        )
    ]
    news = [
        handoff_news(conversation, Delivery.Kind.HAND_OFF, reply.note, now)
        for reply, conversation in good
        if reply.hands_off and adapters[conversation.channel_id].announces_handoff
    ]
    return texts + news


def handoff_news(
    conversation: Conversation, kind: Delivery.Kind, note: str, now: dt.datetime
) -> Delivery:
    """The delivery that tells a provider who replies from now on."""
    return Delivery(
        account_id=conversation.account_id,
        conversation=conversation,
        kind=kind,
        text=note,
        epoch=conversation.epoch,
        due_at=now,
    )


def _save(conversations: list[Conversation], bundle: Bundle) -> None:
    """Write back what `_move_on` changed, in one statement."""
    bundle.update_from(
        "conversations_conversation",
        columns={
            "id": "bigint", "status": "text", "status_reason": "text",
            "epoch": "bigint", "has_offer": "boolean", "needs_person": "boolean",
            "lang": "text", "due_at": "timestamptz", "waiting_since": "timestamptz",
            "last_text": "text", "last_message_at": "timestamptz", "seq": "bigint",
            "greeted_at": "timestamptz",
        },
        rows=[
            (
                each.pk, each.status, each.status_reason, each.epoch, each.has_offer,
                each.needs_person, each.lang, each.due_at, each.waiting_since,
                each.last_text, each.last_message_at, each.seq, each.greeted_at,
            )
            for each in conversations
        ],
        assign=(
            "worker = NULL, claimed_at = NULL, attempts = 0, assigned_to_id = NULL,"
            " status = v.status, status_reason = v.status_reason, epoch = v.epoch,"
            " has_offer = v.has_offer, needs_person = v.needs_person, lang = v.lang,"
            " due_at = v.due_at, waiting_since = v.waiting_since,"
            " last_text = v.last_text, last_message_at = v.last_message_at,"
            " seq = v.seq, greeted_at = v.greeted_at"
        ),
        where="t.id = v.id",
    )  # fmt: skip
