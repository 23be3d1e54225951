"""What tallies say of a period: added up, with shares, means and percentiles."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from heapq import nlargest
from typing import TYPE_CHECKING, Any, Final

import orjson
from django.db.models import BigIntegerField, F, Q, Sum, TextField
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, JSONArray
from django.utils import timezone

from ai_model.analytics import spans, times
from ai_model.analytics.sources import LONGEST, PARTS, Counts, merge
from ai_model.gap_feed import UNANSWERED
from ai_model.models import Gap, MonthTally, Tally, TallyFeed
from knowledge.models import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from accounts.models import Account
    from accounts.scoping import AccountQuerySet
    from integrations.models import Channel

#: What is told of each day and each channel.
HEADLINE: Final = {
    "conversations": "conversations",
    "customer_messages": "messages:contact",
    "ai_messages": "messages:assistant",
    "support_messages": "messages:support",
    "answered": "answered",
    "handed_over": "handed_over",
    "confirmed": "confirmed",
    "assumed": "assumed",
    "reopened": "reopened",
    "helpful": "helpful",
    "unhelpful": "unhelpful",
}
#: Entries that are named as topics.
MOST_TOPICS: Final = 10
_OUTCOMES: Final = (
    "sure_answered", "sure_handed_over", "helpful", "unhelpful", "confirmed", "assumed",
    "reopened",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Period:
    """Days in UTC, both ends included."""

    first: dt.date
    last: dt.date

    @classmethod
    def of_days(cls, days: int) -> Period:
        """So many days, of which today is the last."""
        today = timezone.now().astimezone(dt.UTC).date()
        return cls(today - dt.timedelta(days=days - 1), today)

    @property
    def days(self) -> int:
        """How many."""
        return (self.last - self.first).days + 1

    @property
    def months(self) -> tuple[dt.date, dt.date]:
        """Where its whole months begin and end; that of today is whole until now."""
        start = spans.next_month(self.first - dt.timedelta(days=1))
        # No day after today has anything yet.
        is_until_now = self.last >= timezone.now().astimezone(dt.UTC).date()
        after = self.last + dt.timedelta(days=1)
        end = spans.next_month(self.last) if is_until_now else after.replace(day=1)
        return start, max(start, end)


#: A day, the key of a channel, and what was counted, without groups.
Row = tuple[dt.date, int, Counts]


def rows_of(
    account: Account, period: Period, channels: Iterable[Channel] | None = None
) -> list[Row]:
    """The days of a period, of all channels or of these, in their order."""
    rows = _of(Tally.objects.all(), account, channels)
    found = (
        rows.filter(day__gte=period.first, day__lte=period.last)
        .order_by("day", "channel_id")
        .values_list("day", "channel_id", _text("counts"))
    )
    return [(day, channel, orjson.loads(text)) for day, channel, text in found]


def total_of(
    account: Account, period: Period, channels: Iterable[Channel] | None = None
) -> Counts:
    """All amounts of a period."""
    return _sum(totals_of(account, period, channels).values())


def totals_of(
    account: Account, period: Period, channels: Iterable[Channel] | None = None
) -> dict[int, Counts]:
    """All amounts by the key of the channel.

    Of the period's whole months, and of the days before and after them.
    """
    start, end = period.months
    after = period.last + dt.timedelta(days=1)
    months = _of(MonthTally.objects.all(), account, channels)
    days = _of(Tally.objects.all(), account, channels)
    totals: dict[int, Counts] = defaultdict(dict)
    for rows in (
        months.filter(day__gte=start, day__lt=end),
        days.filter(
            Q(day__gte=period.first, day__lt=min(start, after))
            | Q(day__gte=end, day__lt=after)
        ),
    ):
        found = rows.values_list("channel_id", _text("counts"), _text("groups"))
        for channel, *texts in found:
            for text in texts:
                merge(totals[channel], orjson.loads(text))
    return totals


def _sum(parts: Iterable[Counts]) -> Counts:
    total: Counts = {}
    for counts in parts:
        merge(total, counts)
    return total


def headlines_of(
    account: Account, period: Period, channels: Iterable[Channel] | None = None
) -> Iterator[tuple[dt.date, dict[str, int]]]:
    """The headline of each day that has one, of all channels or of these together."""
    days = _of(Tally.objects.all(), account, channels)
    # Added up by the database, and handed over as one text for each day: in Python a
    # year of them took three times as long.
    sums = (
        Sum(Cast(KT(f"counts__{name}"), BigIntegerField()))
        for name in HEADLINE.values()
    )
    found = (
        days.filter(day__gte=period.first, day__lte=period.last)
        .order_by("day")
        .values("day")
        .annotate(sums=Cast(JSONArray(*sums), TextField()))
        .values_list("day", "sums")
    )
    for day, text in found:
        amounts = (amount or 0 for amount in orjson.loads(text))
        yield day, dict(zip(HEADLINE, amounts, strict=True))


def _of(
    rows: AccountQuerySet[Any], account: Account, channels: Iterable[Channel] | None
) -> AccountQuerySet[Any]:
    own = rows.for_account(account)
    if channels is None:
        return own
    return own.filter(channel_id__in=[each.pk for each in channels])


def _text(name: str) -> Cast:
    """JSON as text: it is read three times as fast as by the database's driver."""
    return Cast(F(name), TextField())


def analyse(
    account: Account, period: Period, channels: Sequence[Channel] | None = None
) -> dict[str, Any]:
    """The figures of a period, of all channels or of these.

    A fixed number of queries, none of them over messages.
    """
    totals = totals_of(account, period, channels)
    total = _sum(totals.values())
    names = {each.pk: each for each in account.channels.defer("credentials")}
    mark = TallyFeed.objects.first()
    return {
        "days": period.days,
        "date_from": period.first,
        "date_to": period.last,
        "counted_at": mark.fed_at if mark else None,
        "resolutions_until": _until(mark),
        "conversations": {
            "began": total.get("conversations", 0),
            "by_channel": _by_provider(totals, names),
        },
        "messages": {
            "customer": total.get("messages:contact", 0),
            "ai": total.get("messages:assistant", 0),
            "support": total.get("messages:support", 0),
        },
        "answers": _answers(total),
        "response_time_ms": _times(total, "reply", 1) | {"longest": total.get(LONGEST)},
        "first_response_ms": _times(total, "first", 1_000),
        "resolutions": _resolutions(total),
        "confidence": _confidence(total),
        "feedback": {name: total.get(name, 0) for name in ("helpful", "unhelpful")},
        "topics": _topics(account, total),
        "gaps": _gaps(account, total),
        "by_channel": _by_channel(totals, names),
        "by_day": [
            {"day": day, **headline}
            for day, headline in headlines_of(account, period, channels)
        ],
    }


def _until(mark: TallyFeed | None) -> dt.date | None:
    """The last day of which something may be judged."""
    if mark is None or mark.settled_until is None:
        return None
    return mark.settled_until - dt.timedelta(days=1)


def parts(counts: Counts, name: str) -> dict[str, int]:
    """What stands behind a name: `{"low_confidence": 3}` of `handed_over`."""
    start = f"{name}:"
    return {
        each.removeprefix(start): amount
        for each, amount in counts.items()
        if each.startswith(start)
    }


def _answers(total: Counts) -> dict[str, Any]:
    answered, handed_over = total.get("answered", 0), total.get("handed_over", 0)
    reasons = parts(total, "handed_over")
    known = total.get("confidence:count", 0)
    mean = total.get("confidence:sum", 0) / PARTS / known if known else None
    return {
        "answered": answered,
        "handed_over": handed_over,
        "handed_over_by_reason": dict(
            sorted(reasons.items(), key=lambda each: (-each[1], each[0]))
        ),
        "answered_share": share(answered, answered + handed_over),
        "average_confidence": None if mean is None else round(mean, 4),
    }


def share(part: int, whole: int) -> float | None:
    """The part as a share, unless the whole is nothing."""
    return round(part / whole, 4) if whole else None


def _times(total: Counts, name: str, per_ms: int) -> dict[str, int | None]:
    found = parts(total, name)
    amount = found.pop("sum", 0)
    found.pop("longest", None)
    found.pop("count", None)
    groups = {int(bound): count for bound, count in found.items()}
    count = sum(groups.values())
    return {
        "average": round(amount / per_ms / count) if count else None,
        "p50": times.quantile(groups, 0.5),
        "p95": times.quantile(groups, 0.95),
    }


def _resolutions(total: Counts) -> dict[str, Any]:
    found = {name: total.get(name, 0) for name in ("confirmed", "assumed", "reopened")}
    return {**found, "time_ms": _times(total, "resolution", 1_000)}


def _confidence(total: Counts) -> list[dict[str, Any]]:
    """What came of each tenth of confidence; tenths of which there is none left out."""
    found = []
    for step in range(10):
        amounts = {
            name.removeprefix("sure_"): total.get(f"{name}:{step}", 0)
            for name in _OUTCOMES
        }
        if any(amounts.values()):
            found.append({"least": step / 10, "most": (step + 1) / 10, **amounts})
    return found


def _topics(account: Account, total: Counts) -> list[dict[str, Any]]:
    counts = parts(total, "topic")
    most = nlargest(MOST_TOPICS, counts.items(), key=lambda each: (each[1], each[0]))
    entries = Entry.objects.for_account(account).named(name for name, _ in most)
    titles = {each.public_id: each.title for each in entries}
    return [
        {"entry_id": name, "title": titles.get(name, ""), "answers": count}
        for name, count in most
    ]


def _gaps(account: Account, total: Counts) -> dict[str, int]:
    reasons = parts(total, "handed_over")
    return {
        "unanswered": sum(reasons.get(reason, 0) for reason in sorted(UNANSWERED)),
        "open": Gap.objects.for_account(account).undecided().count(),
    }


def _by_provider(
    totals: Mapping[int, Counts], names: Mapping[int, Channel]
) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for key, counts in totals.items():
        if began := counts.get("conversations", 0):
            found[names[key].provider] += began
    return dict(found)


def _by_channel(
    totals: Mapping[int, Counts], names: Mapping[int, Channel]
) -> list[dict[str, Any]]:
    return [
        {
            "channel": names[key].provider,
            "name": names[key].name,
            **{each: totals[key].get(name, 0) for each, name in HEADLINE.items()},
        }
        for key in sorted(totals, key=lambda each: (names[each].provider, each))
    ]
