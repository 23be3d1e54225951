"""How rows become counts: the one place that says so, for feeding and for recounting."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db.models import (
    BigIntegerField,
    Count,
    Exists,
    F,
    IntegerField,
    Max,
    OuterRef,
    Subquery,
    Sum,
)
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Floor, Round, TruncDate

from ai_model.analytics import times
from ai_model.models import Turn
from conversations.models import Conversation, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from django.db.models import Model, QuerySet

#: Account, channel and day; of a month its first.
Cell = tuple[int, int, dt.date]
Counts = dict[str, int]
#: A cell, a name and an amount.
Found = tuple[int, int, dt.date, str, int]

#: What grows to the larger instead of the sum.
LONGEST: Final = "reply:longest"
#: Confidences are added up as so many parts of one, so that sums are exact.
PARTS: Final = 10_000

Feedback: Any = Message._meta.get_field("feedback").related_model
_REPLIES = (Message.Author.ASSISTANT, Message.Author.SUPPORT)


@dataclass(frozen=True, slots=True)
class Source:
    """Rows of one model that never change in what is counted of them."""

    #: Names its mark: `<name>_id` of `TallyFeed`.
    name: str
    model: type[Model]
    #: Way to the time that says to which day a row belongs.
    time: str
    #: Way to the key by whose order in time rows of a day are found, and its model.
    key: str
    key_model: type[Model]
    count: Callable[[QuerySet[Any], str], Iterable[Found]]

    @property
    def rows(self) -> QuerySet[Any]:
        """All its rows."""
        return self.model._default_manager.all()

    def counted(self, rows: QuerySet[Any]) -> Iterable[Found]:
        """What some of its rows add."""
        return self.count(rows, self.time)


def _groups(rows: QuerySet[Any], time: str, way: str, by: Any, amounts: Any) -> Any:
    """Amounts by account, channel, day and more.

    The account is the conversation's: PostgreSQL would read the whole index of the rows'
    own accounts, because it is sorted already.
    """
    day = TruncDate(time, tzinfo=dt.UTC)
    grouped = rows.order_by().annotate(counted_day=day, **by)
    names = (f"{way}account_id", f"{way}channel_id", "counted_day", *by)
    # Read at once: groups are few, and a cursor costs more than those of a minute.
    return grouped.values_list(*names).annotate(**amounts)


def _step(field: str) -> Cast:
    """The tenth in which a confidence lies, from 0."""
    return Cast(Floor(F(field) * 10), IntegerField())


def _conversations(rows: QuerySet[Any], time: str) -> Iterator[Found]:
    for *cell, count in _groups(rows, time, "", {}, {"count": Count("id")}):
        yield (*cell, "conversations", count)


def _messages(rows: QuerySet[Any], time: str) -> Iterator[Found]:
    way = "conversation__"
    by = {"by": F("author"), "took": times.group_of("latency_ms")}
    amounts = {
        "count": Count("id"), "timed": Count("latency_ms"), "sum": Sum("latency_ms"),
        "longest": Max("latency_ms"),
    }  # fmt: skip
    for a, c, d, author, took, count, timed, total, longest in _groups(
        rows, time, way, by, amounts
    ):
        yield a, c, d, f"messages:{author}", count
        if timed and author == Message.Author.ASSISTANT:
            yield a, c, d, f"reply:{took}", timed
            yield a, c, d, "reply:count", timed
            yield a, c, d, "reply:sum", total
            yield a, c, d, LONGEST, longest
    answers = rows.filter(author=Message.Author.ASSISTANT, reason="answered")
    entry = {"entry": KT("sources__0__entry_id")}
    for *cell, name, count in _groups(
        answers, time, way, entry, {"count": Count("id")}
    ):
        if name:
            yield (*cell, f"topic:{name}", count)
    yield from _first_replies(rows, time, way)


def _first_replies(rows: QuerySet[Any], time: str, way: str) -> Iterator[Found]:
    """Replies that are the first of their conversation, where the contact had asked."""
    there = Message.objects.filter(
        conversation_id=OuterRef("conversation_id"), pk__lt=OuterRef("pk")
    )
    asked = there.filter(author=Message.Author.CONTACT).order_by("pk")
    first = rows.filter(~Exists(there.filter(author__in=_REPLIES)), author__in=_REPLIES)
    # Grouped here: the database would look each up again for each bound of the groups.
    asked_at = Subquery(asked.values("created_at")[:1])
    values = ("account_id", f"{way}channel_id", time, "asked_at")
    found = first.order_by().annotate(asked_at=asked_at).values_list(*values)
    for account, channel, at, since in found.iterator():
        if since is not None:
            cell = account, channel, at.astimezone(dt.UTC).date()
            yield (*cell, f"first:{times.group_of_span(at - since)}", 1)
            yield (*cell, "first:count", 1)
            yield (*cell, "first:sum", (at - since) // dt.timedelta(microseconds=1))


def _turns(rows: QuerySet[Any], time: str) -> Iterator[Found]:
    settled = rows.filter(
        state__in=[Turn.State.ANSWERED, Turn.State.HANDED_OVER],
        finished_at__isnull=False,
    )
    by = {"ended": F("state"), "why": F("reason"), "step": _step("confidence")}
    parts = Cast(Round(F("confidence") * PARTS), BigIntegerField())
    amounts = {"count": Count("id"), "sum": Sum(parts)}
    for a, c, d, state, reason, step, count, total in _groups(
        settled, time, "conversation__", by, amounts
    ):
        yield a, c, d, state, count
        if state == Turn.State.HANDED_OVER:
            yield a, c, d, f"{state}:{reason}", count
        if step is not None:
            yield a, c, d, f"sure_{state}:{capped(step)}", count
            yield a, c, d, "confidence:count", count
            yield a, c, d, "confidence:sum", total


def _feedback(rows: QuerySet[Any], time: str) -> Iterator[Found]:
    by = {"said": F("rating"), "step": _step("message__confidence")}
    for a, c, d, rating, step, count in _groups(
        rows, time, "conversation__", by, {"count": Count("id")}
    ):
        yield a, c, d, rating, count
        if step is not None:
            yield a, c, d, f"{rating}:{capped(step)}", count


def capped(step: int) -> int:
    """The tenth of a confidence; certainty belongs to the last."""
    return min(step, 9)


SOURCES: Final = (
    Source(
        "conversation", Conversation, "created_at", "pk", Conversation, _conversations
    ),
    Source("message", Message, "created_at", "pk", Message, _messages),
    Source("turn", Turn, "finished_at", "pk", Turn, _turns),
    # A rating belongs to the day of the reply, whenever it was given.
    Source(
        "feedback", Feedback, "message__created_at", "message_id", Message, _feedback
    ),
)


def gather(found: Iterable[Found]) -> dict[Cell, Counts]:
    """Counts by cell, without those of nothing."""
    cells: dict[Cell, Counts] = defaultdict(dict)
    for account, channel, day, name, amount in found:
        if amount:
            counts = cells[account, channel, day]
            before = counts.get(name, 0)
            counts[name] = max(before, amount) if name == LONGEST else before + amount
    return cells


def by_month(cells: Iterable[tuple[Cell, Counts]]) -> dict[Cell, Counts]:
    """Counts of days added up to those of months."""
    months: dict[Cell, Counts] = defaultdict(dict)
    for (account, channel, day), counts in cells:
        merge(months[account, channel, day.replace(day=1)], counts)
    return months


def merge(into: Counts, more: Counts) -> None:
    """Add counts to others."""
    longest = max(into.get(LONGEST, 0), more.get(LONGEST, 0))
    for name, amount in more.items():
        into[name] = into.get(name, 0) + amount
    if longest:
        into[LONGEST] = longest
