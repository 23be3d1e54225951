"""Resolutions: which answers ended the matter. Only time tells, so they are judged daily.

Each day from 01:00 on, answers of the last days are judged by what was known when
the day began, and once more those that were rated since. That moment is kept, so that
a recount judges by the same knowledge.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.db.models import Min, OuterRef, Subquery
from django.utils import timezone

from ai_model.analytics import feeding, spans, times
from ai_model.analytics.sources import Feedback, capped, gather
from ai_model.models import Tally, Turn
from conversations.models import Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.db.models import QuerySet

    from ai_model.analytics.sources import Cell, Counts, Found

#: Silence after which the matter is taken to be settled.
QUIET: Final = dt.timedelta(hours=24)
#: Time within which it may turn out that it was not.
RETURN: Final = dt.timedelta(days=7)
#: Time after midnight until all that happened before it is certainly stored.
GRACE: Final = dt.timedelta(hours=1)
#: What is judged here, and nowhere else.
NAMES: Final = ("confirmed", "assumed", "reopened", "resolution")


def settle() -> bool:
    """Judge the answers that may be judged by now; returns whether it was time to."""
    until = (timezone.now() - GRACE).astimezone(dt.UTC).date()
    with transaction.atomic():
        mark = feeding.hold()
        since = mark.settled_until
        if since is not None and since >= until:
            return False
        first = _first_day(since, until)
        replace(first, until, counted(Turn.objects.all(), first, until, known=until))
        if since is not None:
            for account, day in _rated_later(since, until, before=first):
                rows = Turn.objects.filter(account_id=account)
                end = day + dt.timedelta(days=1)
                found = counted(rows, day, end, known=until)
                replace(day, end, found, account=account)
        mark.settled_until = until
        mark.save(update_fields=["settled_until"])
    return True


def _first_day(since: dt.date | None, until: dt.date) -> dt.date:
    """The first day whose answers are to be judged, again or for the first time."""
    if since is not None:
        return since - RETURN
    oldest = Turn.objects.aggregate(oldest=Min("pk"))["oldest"]
    began = Turn.objects.filter(pk=oldest).values_list("created_at", flat=True).first()
    return min(began.astimezone(dt.UTC).date(), until) if began else until


def _rated_later(
    since: dt.date, until: dt.date, *, before: dt.date
) -> set[tuple[int, dt.date]]:
    """Accounts and days of older answers that were rated since the last time."""
    rated = spans.within(since, until, time="created_at", key="pk", model=Feedback)
    rows = Feedback.objects.filter(
        rated, message__turn__finished_at__lt=spans.start_of(before)
    )
    found = rows.values_list("account_id", "message__turn__finished_at")
    return {(account, at.astimezone(dt.UTC).date()) for account, at in found}


def counted(
    turns: QuerySet[Turn], first: dt.date, end: dt.date, *, known: dt.date
) -> Iterator[Found]:
    """Resolutions of the days, judged by what was known when the day `known` began."""
    of_days = spans.within(first, end, time="finished_at", key="pk", model=Turn)
    rows = turns.filter(of_days, state=Turn.State.ANSWERED, reason="answered")
    for row in _with_what_came(rows, spans.start_of(known)):
        outcome = judge(row, spans.start_of(known))
        if not outcome:
            continue
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
    needed_person = any(
        _is_before(row[name], end + RETURN) for name in ("handed_at", "person_at")
    )
    if needed_person or rating == "unhelpful":
        return "reopened"
    return "confirmed" if rating == "helpful" else "assumed"


def _is_before(at: dt.datetime | None, limit: dt.datetime) -> bool:
    return at is not None and at < limit


def _with_what_came(rows: QuerySet[Turn], known_at: dt.datetime) -> Iterable[Any]:
    """Answers, each with the first that came after it of what counts, and what before."""
    author = Message.Author
    there = Message.objects.filter(conversation_id=OuterRef("conversation_id"))
    later = there.filter(
        pk__gt=OuterRef("last_message_id"), created_at__lt=known_at
    ).order_by("pk")
    turns = Turn.objects.filter(
        conversation_id=OuterRef("conversation_id"),
        pk__gt=OuterRef("pk"),
        state=Turn.State.HANDED_OVER,
        finished_at__lt=known_at,
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


def is_resolution(name: str) -> bool:
    """Whether this count comes from here."""
    return name.partition(":")[0] in NAMES


def replace(
    first: dt.date,
    end: dt.date,
    found: Iterable[Found],
    *,
    account: int | None = None,
) -> None:
    """Put resolutions into the tallies of the days, in place of those that stand there."""
    rows = Tally.objects.filter(day__gte=first, day__lt=end)
    if account is not None:
        rows = rows.filter(account_id=account)
    fresh = gather(found)
    known: dict[Cell, Tally] = {
        (row.account_id, row.channel_id, row.day): row for row in rows.iterator()
    }
    known |= feeding.tallies(cell for cell in fresh if cell not in known)
    changed = []
    for cell, row in known.items():
        counts: Counts = {
            name: amount
            for name, amount in row.counts.items()
            if not is_resolution(name)
        } | fresh.get(cell, {})
        if counts != row.counts:
            row.counts = counts
            changed.append(row)
    feeding.write(changed)
