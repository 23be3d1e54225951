"""Judgements: whether an answer was right, from whoever knows."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import gettext

from accounts.services import as_uuid
from ai_model import intent
from ai_model.models import Calibration, Gap, GapQuestion, Judgement, Turn
from ai_model.risk import Case
from conversations.models import Message
from core.exceptions import Conflict
from knowledge.models import Example
from knowledge.text import stems

if TYPE_CHECKING:
    import uuid

    from accounts.models import User

#: Questions of the past that a threshold is derived from: the newest so many.
MOST = 5_000
#: Replies linked to entries that are looked at: the newest so many.
MOST_LINKS = 1_000
#: Time after a new judgement until it is learned from, so that many cost one look.
REST = dt.timedelta(seconds=60)
#: A person who replies within this time of the answer, unasked, corrects it.
CORRECTION = dt.timedelta(minutes=15)
#: Words that a correction has at least, and the share of them that is not new.
_FEWEST_WORDS = 3
_MOST_REPEATED = 0.5
#: Those who see what was found, also when nothing was answered.
_SEE_ENTRIES = (Judgement.Origin.STAFF, Judgement.Origin.ENTRY)
#: The more reliable ones stand against the others.
_RANK = {origin: place for place, origin in enumerate(Judgement.Origin.values)}


def judgeable(account_id: int) -> QuerySet[Turn]:
    """Turns in which the confidence decided: answered, or handed over for lack of it."""
    return Turn.objects.filter(
        account_id=account_id,
        confidence__isnull=False,
        state__in=[Turn.State.ANSWERED, Turn.State.HANDED_OVER],
        reason__in=["answered", "low_confidence"],
    )


@transaction.atomic
def record_judgement(
    *, turn: Turn, right: bool, origin: Judgement.Origin, user: User | None = None
) -> Judgement:
    """Keep what somebody says of a turn; the most reliable, then the latest, stands.

    `right` is about the best entry found, also where it was not enough for an answer.
    Raises `Conflict` where there is nothing to be judged.
    """
    if not judgeable(turn.account_id).filter(pk=turn.pk).exists():
        raise Conflict(
            gettext("This turn gave no answer from the knowledge to be judged.")
        )
    if turn.state != Turn.State.ANSWERED and origin not in _SEE_ENTRIES:
        raise Conflict(
            gettext("This turn was handed over: there is no answer to be judged.")
        )
    row, is_new = Judgement.objects.select_for_update().get_or_create(
        turn=turn,
        defaults={
            "account_id": turn.account_id,
            "right": right,
            "origin": origin,
            "user": user,
        },
    )
    if not is_new and _RANK[origin] <= _RANK[row.origin]:
        row.right, row.origin, row.user = right, origin, user
        row.save(update_fields=["right", "origin", "user"])
    _plan(turn.account_id)
    return row


def judge_answer(*, message: Message, is_right: bool) -> None:
    """Record what the contact says of an answer, where the confidence had decided."""
    answered = judgeable(message.account_id).filter(state=Turn.State.ANSWERED)
    turn = answered.filter(reply=message).first()
    if turn is not None:
        origin = Judgement.Origin.CONTACT
        record_judgement(turn=turn, right=is_right, origin=origin)


def _plan(account_id: int) -> None:
    due = timezone.now() + REST
    Calibration.objects.get_or_create(account_id=account_id)
    Calibration.objects.filter(account_id=account_id, due_at=None).update(due_at=due)


def collect(account_id: int, since: dt.datetime | None = None) -> int:
    """Record what people's own work says of answers; returns how many judgements."""
    return (
        _collect_links(account_id)
        + _collect_gaps(account_id)
        + _collect_corrections(account_id, since)
    )


def _collect_links(account_id: int) -> int:
    """Replies of people that were linked to an entry: it was the best found, or not."""
    examples = Example.objects.filter(
        entry__account_id=account_id,
        origin=Example.Origin.CONFIRMED,
        status=Example.Status.APPROVED,
    ).select_related("entry")
    entries = {
        key: row.entry.public_id
        for row in examples.order_by("-pk")[:MOST_LINKS]
        if (key := as_uuid(row.reference)) is not None
    }
    replies = _answering(account_id, list(entries))
    known = [Judgement.Origin.STAFF, Judgement.Origin.CONTACT, Judgement.Origin.ENTRY]
    open_ = judgeable(account_id).filter(pk__in=[row.turn_id for row in replies])
    turns = {row.pk: row for row in open_.exclude(judgement__origin__in=known)}
    count = 0
    for row in replies:
        turn = turns.get(row.turn_id)
        # Whoever wrote again meanwhile was replied to about that.
        if turn is not None and turn.last_message_id == row.asked_id:
            _judge_by_entry(turn, entries[row.uuid], row.user)
            count += 1
    return count


def _answering(account_id: int, names: list[uuid.UUID]) -> list[Any]:
    """People's replies, each with the turn and the contact's words before it."""
    before = {"conversation": OuterRef("conversation"), "pk__lt": OuterRef("pk")}
    asked = Message.objects.filter(**before, author=Message.Author.CONTACT)
    turns = Turn.objects.filter(
        conversation=OuterRef("conversation"), last_message_id__lt=OuterRef("pk")
    )
    rows = Message.objects.filter(
        account_id=account_id, author=Message.Author.SUPPORT, uuid__in=names
    ).annotate(
        turn_id=Subquery(turns.order_by("-pk").values("pk")[:1]),
        asked_id=Subquery(asked.order_by("-pk").values("pk")[:1]),
    )
    return list(rows.select_related("user"))


def _judge_by_entry(turn: Turn, entry: str, user: User | None = None) -> None:
    best = turn.retrieved[0].get("entry_id") if turn.retrieved else None
    record_judgement(
        turn=turn, right=best == entry, origin=Judgement.Origin.ENTRY, user=user
    )


def _collect_corrections(account_id: int, since: dt.datetime | None) -> int:
    said = Message.objects.filter(
        conversation=OuterRef("conversation"), pk__gt=OuterRef("reply")
    )
    after = said.exclude(author=Message.Author.SYSTEM).order_by("pk").values("pk")[:1]
    turns = judgeable(account_id).filter(
        state=Turn.State.ANSWERED, judgement=None, reply__isnull=False
    )
    if since is not None:
        turns = turns.filter(created_at__gte=since)
    rows = list(
        turns.annotate(next_id=Subquery(after))
        .select_related("reply")
        .order_by("-pk")[:MOST]
    )
    nexts = Message.objects.in_bulk([row.next_id for row in rows if row.next_id])
    count = 0
    for row in rows:
        said_next = nexts.get(row.next_id)
        if row.reply and said_next and is_correction(row.reply, said_next):
            record_judgement(
                turn=row,
                right=False,
                origin=Judgement.Origin.CORRECTION,
                user=said_next.user,
            )
            count += 1
    return count


def is_correction(answer: Message, said: Message) -> bool:
    """Whether a person, unasked, soon said something else than the answer."""
    if said.author != Message.Author.SUPPORT or intent.small_talk(said.text):
        return False
    if said.created_at - answer.created_at > CORRECTION:
        return False
    lang = answer.conversation.lang
    words = set(stems(said.text, lang))
    repeated = len(words & set(stems(answer.text, lang)))
    return len(words) >= _FEWEST_WORDS and repeated < _MOST_REPEATED * len(words)


def _collect_gaps(account_id: int) -> int:
    """Questions of closed gaps: the entry that answers them now was found, or not."""
    closed = GapQuestion.objects.filter(
        gap__account_id=account_id,
        gap__status=Gap.Status.CLOSED,
        gap__entry__isnull=False,
        turn__in=judgeable(account_id).filter(judgement=None),
    )
    rows = list(closed.select_related("turn", "gap__entry").order_by("-pk")[:MOST])
    for row in rows:
        if row.gap.entry is not None:
            _judge_by_entry(row.turn, row.gap.entry.public_id)
    return len(rows)


def cases_of(account_id: int) -> list[Case]:
    """The newest questions of the account in which the confidence decided."""
    rows = judgeable(account_id).order_by("-pk")[:MOST]
    values = rows.values_list(
        "raw_confidence", "confidence", "state", "judgement__right"
    )
    return [
        Case((sure if raw is None else raw) or 0.0, state == Turn.State.ANSWERED, right)
        for raw, sure, state, right in values
    ]
