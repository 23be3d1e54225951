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
from django.db.models import Exists, Min, OuterRef, Q, Subquery
from django.utils import timezone

from ai_model.analytics import feeding, spans, times
from ai_model.analytics.sources import Feedback, capped, gather
from ai_model.models import Turn
from conversations.models import Message
from core import ageing, store

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
    store.plan_plainly()
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
    seen: set[int] = set()
    for answers in _affected(since, until):
        for row in _judged(answers, now):
            if row["pk"] in seen:
                continue
            seen.add(row["pk"])
            old, new = judge(row, before), judge(row, now)
            if old != new:
                for account, channel, day, name, amount in _of_outcome(row, old):
                    yield account, channel, day, name, -amount
                yield from _of_outcome(row, new)


def _affected(since: dt.date, until: dt.date) -> Iterator[QuerySet[Turn]]:
    """Answers that may be judged otherwise at the second midnight than at the first.

    Some are found by more than one of these ways.
    """
    answers = Turn.objects.all()
    # Their quiet hours ended.
    yield answers.filter(
        spans.of_turns(since - QUIET, until),
        finished_at__lte=spans.start_of(until) - QUIET,
    )
    rated = spans.within(since, until, time="created_at", key="pk", model=Feedback)
    yield answers.filter(reply__in=Feedback.objects.filter(rated).values("message"))
    began = ageing.first_id(Turn, spans.start_of(since) - RETURN - ageing.MARGIN)
    yield answers.filter(conversation__in=_returned_to(since, until), pk__gte=began)


def _returned_to(since: dt.date, until: dt.date) -> QuerySet[Any, Any]:
    """Conversations in which a question was handed over, or a person wrote."""
    turns = Turn.objects.filter(
        spans.of_turns(since, until), state=Turn.State.HANDED_OVER
    )
    written = spans.within(since, until, time="created_at", key="pk", model=Message)
    messages = Message.objects.filter(written, author=Message.Author.SUPPORT)
    return turns.values("conversation").union(messages.values("conversation"))


def counted(
    turns: QuerySet[Turn], first: dt.date, end: dt.date, *, known: dt.date
) -> Iterator[Found]:
    """Resolutions of the days, judged by what was known when the day `known` began."""
    known_at = spans.start_of(known)
    for row in _judged(turns.filter(spans.of_turns(first, end)), known_at):
        yield from _of_outcome(row, judge(row, known_at))


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
    is_quiet = row["is_quiet"] and end + QUIET <= known_at
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


def _judged(turns: QuerySet[Turn], known_at: dt.datetime) -> Iterable[Any]:
    """Those of the turns of which `judge` can say something, with what it asks for.

    Most answers are followed by more words within the day. To see that takes one look at
    the conversation, and the rest is not read of them.
    """
    author = Message.Author
    end = OuterRef("finished_at")
    there = Message.objects.filter(conversation_id=OuterRef("conversation_id"))
    later = there.filter(pk__gt=OuterRef("last_message_id")).order_by("pk")
    spoken = later.filter(
        author__in=[author.CONTACT, author.SUPPORT], created_at__lt=end + QUIET
    )
    ratings = Feedback.objects.filter(message_id=OuterRef("reply_id"))
    helpful = ratings.filter(rating="helpful", created_at__lt=known_at)
    handed_over = Turn.objects.filter(
        conversation_id=OuterRef("conversation_id"),
        pk__gt=OuterRef("pk"),
        state=Turn.State.HANDED_OVER,
    ).order_by("pk")
    # The matter began with the first words of the last `QUIET` before the answer.
    before = there.filter(
        pk__lte=OuterRef("last_message_id"),
        author=author.CONTACT,
        created_at__gte=end - QUIET,
    ).order_by("pk")
    return (
        turns.order_by()
        .filter(state=Turn.State.ANSWERED, reason="answered")
        .annotate(is_quiet=~Exists(spoken))
        .filter(
            Q(is_quiet=True, finished_at__lte=known_at - QUIET) | Q(Exists(helpful))
        )
        .annotate(
            person_at=_first(later.filter(author=author.SUPPORT), "created_at"),
            handed_at=_first(handed_over, "finished_at"),
            asked_at=_first(before, "created_at"),
            rating=_first(ratings, "rating"),
            rated_at=_first(ratings, "created_at"),
        )
        .values(
            "pk", "account_id", "conversation__channel_id", "finished_at", "confidence",
            "is_quiet", "person_at", "handed_at", "asked_at", "rating", "rated_at",
        )
        .iterator()
    )  # fmt: skip


def _first(rows: QuerySet[Any], field: str) -> Any:
    return Subquery(rows.values(field)[:1])
