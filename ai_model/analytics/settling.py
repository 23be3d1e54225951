"""Resolutions: which answers ended the matter. Only time tells, so they are judged daily.

Each day from 01:00 on, answers are judged by what was known when the day began: those
whose quiet hours ended since the last time, and those of which something was heard since.
What they had counted as until then is taken back. That moment is kept, so that a recount
judges by the same knowledge.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.db.models import Min, OuterRef, Subquery
from django.utils import timezone

from ai_model.analytics import feeding, spans, times
from ai_model.analytics.sources import Feedback, capped, gather
from ai_model.models import Turn
from conversations.models import Message
from core import ageing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.db.models import QuerySet

    from ai_model.analytics.sources import Found

#: Silence after which the matter is taken to be settled.
QUIET: Final = dt.timedelta(hours=24)
#: Time within which it may turn out that it was not.
RETURN: Final = dt.timedelta(days=7)
#: Time after midnight until all that happened before it is certainly stored.
GRACE: Final = dt.timedelta(hours=1)
#: Days that are judged in one transaction.
AT_ONCE: Final = dt.timedelta(days=7)
#: Answers that are read at once.
_BATCH: Final = 2_000


def settle() -> bool:
    """Judge the answers that may be judged by now; returns whether it was time to."""
    until = (timezone.now() - GRACE).astimezone(dt.UTC).date()
    is_new = False
    while _settle_some(until):
        is_new = True
    return is_new


@transaction.atomic
def _settle_some(until: dt.date) -> bool:
    """Go on by some days at most; returns whether there were any left."""
    mark = feeding.hold()
    since = mark.settled_until or _first_day(until)
    if mark.settled_until is not None and since >= until:
        return False
    until = min(until, since + AT_ONCE)
    feeding.add(gather(_changed(since, until)))
    mark.settled_until = until
    mark.save(update_fields=["settled_until"])
    return True


def _first_day(until: dt.date) -> dt.date:
    """The day of the oldest answer."""
    oldest = Turn.objects.aggregate(oldest=Min("pk"))["oldest"]
    began = Turn.objects.filter(pk=oldest).values_list("created_at", flat=True).first()
    return min(began.astimezone(dt.UTC).date(), until) if began else until


def _changed(since: dt.date, until: dt.date) -> Iterator[Found]:
    """What is to be added since the last time, and what no longer holds, as less."""
    before, now = spans.start_of(since), spans.start_of(until)
    for keys in _batches(_affected(since, until)):
        rows = Turn.objects.filter(pk__in=keys)
        for row in _with_what_came(rows):
            old, new = judge(row, before), judge(row, now)
            if old != new:
                for account, channel, day, name, amount in _of_outcome(row, old):
                    yield account, channel, day, name, -amount
                yield from _of_outcome(row, new)


def _affected(since: dt.date, until: dt.date) -> set[int]:
    """Answers that may be judged otherwise at the second midnight than at the first."""
    answers = _answers(Turn.objects.all())
    quiet = answers.filter(
        spans.of_turns(since - QUIET, until),
        finished_at__lte=spans.start_of(until) - QUIET,
    )
    rated = spans.within(since, until, time="created_at", key="pk", model=Feedback)
    of_rated = answers.filter(
        reply__in=Feedback.objects.filter(rated).values("message")
    )
    found = {
        key for rows in (quiet, of_rated) for key in rows.values_list("pk", flat=True)
    }
    began = ageing.first_id(Turn, spans.start_of(since) - RETURN - ageing.MARGIN)
    for keys in _batches(_returned_to(since, until)):
        rows = answers.filter(conversation__in=keys, pk__gte=began)
        found.update(rows.values_list("pk", flat=True))
    return found


def _returned_to(since: dt.date, until: dt.date) -> set[int]:
    """Conversations in which a question was handed over, or a person wrote."""
    turns = Turn.objects.filter(
        spans.of_turns(since, until), state=Turn.State.HANDED_OVER
    )
    written = spans.within(since, until, time="created_at", key="pk", model=Message)
    messages = Message.objects.filter(written, author=Message.Author.SUPPORT)
    return {
        key
        for rows in (turns, messages)
        for key in rows.values_list("conversation", flat=True)
    }


def _batches(keys: set[int]) -> Iterator[list[int]]:
    found = sorted(keys)
    for start in range(0, len(found), _BATCH):
        yield found[start : start + _BATCH]


def counted(
    turns: QuerySet[Turn], first: dt.date, end: dt.date, *, known: dt.date
) -> Iterator[Found]:
    """Resolutions of the days, judged by what was known when the day `known` began."""
    rows = _answers(turns.filter(spans.of_turns(first, end)))
    for row in _with_what_came(rows):
        yield from _of_outcome(row, judge(row, spans.start_of(known)))


def _answers(rows: QuerySet[Turn]) -> QuerySet[Turn]:
    return rows.filter(state=Turn.State.ANSWERED, reason="answered")


def _of_outcome(row: dict[str, Any], outcome: str) -> Iterator[Found]:
    """What one answer counts as."""
    if not outcome:
        return
    at = row["finished_at"]
    cell = (
        row["account_id"],
        row["conversation__channel_id"],
        at.astimezone(dt.UTC).date(),
    )
    yield (*cell, outcome, 1)
    if row["confidence"] is not None:
        yield (*cell, f"{outcome}:{capped(int(row['confidence'] * 10))}", 1)
    if outcome != "reopened":
        took = max(at - (row["asked_at"] or at), dt.timedelta())
        yield (*cell, f"resolution:{times.group_of_span(took)}", 1)
        yield (*cell, "resolution:sum", took // dt.timedelta(microseconds=1))


def judge(row: dict[str, Any], known_at: dt.datetime) -> str:
    """What came of one answer; empty: it resolved nothing, or it is too early to say."""
    end = row["finished_at"]
    rating = row["rating"] if _is_before(row["rated_at"], known_at) else None
    is_quiet = end + QUIET <= known_at and not _is_before(row["spoken_at"], end + QUIET)
    if not is_quiet and rating != "helpful":
        return ""
    returned = min(end + RETURN, known_at)
    needed_person = any(
        _is_before(row[name], returned) for name in ("handed_at", "person_at")
    )
    if needed_person or rating == "unhelpful":
        return "reopened"
    return "confirmed" if rating == "helpful" else "assumed"


def _is_before(at: dt.datetime | None, limit: dt.datetime) -> bool:
    return at is not None and at < limit


def _with_what_came(rows: QuerySet[Turn]) -> Iterable[Any]:
    """Answers, each with the first that came after it of what counts, and what before."""
    author = Message.Author
    there = Message.objects.filter(conversation_id=OuterRef("conversation_id"))
    later = there.filter(pk__gt=OuterRef("last_message_id")).order_by("pk")
    turns = Turn.objects.filter(
        conversation_id=OuterRef("conversation_id"),
        pk__gt=OuterRef("pk"),
        state=Turn.State.HANDED_OVER,
    ).order_by("pk")
    # The matter began with the first words of the last `QUIET` before the answer.
    before = there.filter(
        pk__lte=OuterRef("last_message_id"),
        author=author.CONTACT,
        created_at__gte=OuterRef("finished_at") - QUIET,
    ).order_by("pk")
    spoken = later.filter(author__in=[author.CONTACT, author.SUPPORT])
    person = later.filter(author=author.SUPPORT)
    return (
        rows.order_by()
        .annotate(
            spoken_at=Subquery(spoken.values("created_at")[:1]),
            person_at=Subquery(person.values("created_at")[:1]),
            handed_at=Subquery(turns.values("finished_at")[:1]),
            asked_at=Subquery(before.values("created_at")[:1]),
        )
        .values(
            "account_id", "conversation__channel_id", "finished_at", "confidence",
            "spoken_at", "person_at", "handed_at", "asked_at",
            rating=_feedback("rating"), rated_at=_feedback("created_at"),
        )
        .iterator()
    )  # fmt: skip


def _feedback(field: str) -> Any:
    rows = Feedback.objects.filter(message_id=OuterRef("reply_id"))
    return Subquery(rows.values(field)[:1])
