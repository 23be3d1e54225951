"""Analytics: what an account's assistant did in some days, counted from the rows."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from django.db.models import Avg, Count, Max
from django.db.models.functions import TruncDate
from django.utils import timezone

from ai_model.models import Turn
from ai_model.usage import first_day
from conversations.models import Conversation, Message

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from accounts.models import Account

#: Endings of turns that count; the others were thrown away, or begun again.
_COUNTED = (Turn.State.ANSWERED, Turn.State.HANDED_OVER)


def analyse(account: Account, days: int) -> dict[str, Any]:
    """The figures of so many days, of which today, in UTC, is the last.

    A fixed number of queries, each over the account's own rows of the period.
    """
    first = first_day(days)
    since = dt.datetime.combine(first, dt.time.min, dt.UTC)
    messages = Message.objects.for_account(account).filter(created_at__gte=since)
    turns = Turn.objects.for_account(account).filter(
        finished_at__gte=since, state__in=_COUNTED
    )
    return {
        "days": days,
        "date_from": first,
        "date_to": timezone.now().date(),
        "conversations": _conversations(account, since),
        **_messages(messages),
        "feedback": _feedback(messages),
        **_answers(turns),
    }


def _conversations(account: Account, since: dt.datetime) -> dict[str, Any]:
    rows = Conversation.objects.for_account(account).filter(created_at__gte=since)
    groups = rows.order_by().values_list("status", "channel__provider")
    statuses: Counter[str] = Counter()
    channels: Counter[str] = Counter()
    for status, provider, count in groups.annotate(Count("id")):
        statuses[status] += count
        channels[provider] += count
    return {
        "began": statuses.total(),
        "by_status": {name: statuses[name] for name in Conversation.Status.values},
        "by_channel": dict(channels),
    }


def _messages(messages: QuerySet[Message]) -> dict[str, Any]:
    groups = (
        messages.order_by()
        .values("author")
        .annotate(
            count=Count("id"), average=Avg("latency_ms"), longest=Max("latency_ms")
        )
    )
    found: dict[str, dict[str, Any]] = defaultdict(
        lambda: {"count": 0, "average": None, "longest": None}
    )
    found.update({each["author"]: dict(each) for each in groups})
    replies = found[Message.Author.ASSISTANT]
    average = replies["average"]
    return {
        "messages": {
            "customer": found[Message.Author.CONTACT]["count"],
            "ai": replies["count"],
            "support": found[Message.Author.SUPPORT]["count"],
        },
        "response_time_ms": {
            "average": None if average is None else round(average),
            "longest": replies["longest"],
        },
    }


def _feedback(messages: QuerySet[Message]) -> dict[str, int]:
    """How replies of the period were rated, whenever that was."""
    rated = messages.filter(author=Message.Author.ASSISTANT, feedback__isnull=False)
    groups = rated.order_by().values_list("feedback__rating").annotate(Count("id"))
    return {"helpful": 0, "unhelpful": 0} | dict(groups)


def _answers(turns: QuerySet[Turn]) -> dict[str, Any]:
    day = TruncDate("finished_at", tzinfo=dt.UTC)
    groups = turns.order_by().annotate(day=day).values_list("day", "state", "reason")
    reasons: Counter[str] = Counter()
    by_day: dict[dt.date, Counter[str]] = defaultdict(Counter)
    for at, state, reason, count in groups.annotate(Count("id")):
        by_day[at][state] += count
        if state == Turn.State.HANDED_OVER:
            reasons[reason] += count
    handed_over = reasons.total()
    answered = sum(each[Turn.State.ANSWERED] for each in by_day.values())
    settled = answered + handed_over
    mean = turns.aggregate(mean=Avg("confidence"))["mean"]
    return {
        "answers": {
            "answered": answered,
            "handed_over": handed_over,
            "handed_over_by_reason": dict(reasons.most_common()),
            "answered_share": round(answered / settled, 4) if settled else None,
            "average_confidence": None if mean is None else round(mean, 4),
        },
        "by_day": [
            {
                "day": at,
                "answered": by_day[at][Turn.State.ANSWERED],
                "handed_over": by_day[at][Turn.State.HANDED_OVER],
            }
            for at in sorted(by_day)
        ],
    }
