"""The owner's page of analytics: what it shows, and its drawings."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from ai_model.analytics.reading import Period, analyse, share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from accounts.models import Account

PERIODS: Final = (
    (7, _("7 days")),
    (30, _("30 days")),
    (90, _("90 days")),
    (365, _("a year")),
)
#: More days than so many are drawn by weeks.
_MOST_BARS: Final = 92
#: The drawing: its width, height, and the margins in which its numbers stand.
_WIDTH, _HEIGHT, _LEFT, _BELOW = 760, 220, 44, 24
#: Room for a character of a day's name, as large as on phones, and between two names.
_CHARACTER, _BETWEEN = 10, 12


class FilterForm(forms.Form):
    """Which account, which days, which channel."""

    account: Any = forms.ModelChoiceField(None, label=_("account"), required=False)
    days = forms.TypedChoiceField(
        choices=PERIODS, coerce=int, label=_("period"), required=False
    )
    channel: Any = forms.ModelChoiceField(
        None, label=_("channel"), required=False, empty_label=_("All channels"),
        to_field_name="uuid",
    )  # fmt: skip

    def __init__(self, accounts: QuerySet[Account], data: Any) -> None:
        super().__init__({"days": 30, **data.dict()})
        own = accounts.order_by("name")
        field: Any = self.fields["account"]
        field.queryset, field.to_field_name, field.empty_label = own, "uuid", None
        wanted = (
            own.filter(uuid=data["account"]) if _is_uuid(data.get("account")) else own
        )
        #: Whose figures are shown; None: there is no account.
        self.chosen: Account | None = wanted.first() or own.first()
        channel: Any = self.fields["channel"]
        channel.queryset = (
            self.chosen.channels.order_by("name") if self.chosen else None
        )
        if len(own[:2]) < 2:
            del self.fields["account"]

    @property
    def period(self) -> Period:
        """The days that were asked for; the last thirty where that makes no sense."""
        return Period.of_days(self.cleaned_data.get("days") or 30)

    @property
    def channels(self) -> Any:
        """The channel that was asked for, as a list; None: all."""
        found = self.cleaned_data.get("channel")
        return None if found is None else [found]


def _is_uuid(text: Any) -> bool:
    try:
        forms.UUIDField().clean(text)
    except forms.ValidationError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Bar:
    """One day or week in the drawing, in its units."""

    label: str
    x: float
    width: float
    #: Tops and heights of what was answered, and above it what was handed over.
    answered: int
    handed_over: int
    answered_y: float
    answered_height: float
    handed_over_y: float
    handed_over_height: float


def context(account: Account, form: FilterForm) -> dict[str, Any]:
    """What the page shows."""
    found = analyse(account, form.period, form.channels)
    reasons, feedback = found["answers"]["handed_over_by_reason"], found["feedback"]
    resolutions = found["resolutions"]
    resolved = resolutions["confirmed"] + resolutions["assumed"]
    bars = _bars(found["by_day"], form.period)
    return {
        "found": found,
        "bars": bars,
        "by_week": form.period.days > _MOST_BARS,
        "frame": _frame(bars),
        "resolved": resolved,
        "reopened_share": share(
            resolutions["reopened"], resolved + resolutions["reopened"]
        ),
        "helpful_share": share(feedback["helpful"], sum(feedback.values())),
        "reasons": _rated(
            [{"code": code, "count": count} for code, count in reasons.items()], "count"
        ),
        "confidence": [_outcome(each) for each in found["confidence"]],
        "topics": _rated(found["topics"], "answers"),
        "has_anything": bool(found["by_day"]),
    }


def _bars(by_day: Sequence[dict[str, Any]], period: Period) -> list[Bar]:
    step = 7 if period.days > _MOST_BARS else 1
    sums: dict[int, Counter[str]] = {
        number: Counter() for number in range(0, period.days, step)
    }
    for each in by_day:
        number = (each["day"] - period.first).days // step * step
        for name in ("answered", "handed_over"):
            sums[number][name] += each[name]
    most = max((each.total() for each in sums.values()), default=0) or 1
    place = (_WIDTH - _LEFT) / len(sums)
    high = _HEIGHT - _BELOW - 8
    found = []
    for index, (number, counts) in enumerate(sums.items()):
        lower = high * counts["answered"] / most
        upper = high * counts["handed_over"] / most
        base = _HEIGHT - _BELOW
        found.append(
            Bar(
                label=date_format(
                    period.first + dt.timedelta(days=number), "SHORT_DATE_FORMAT"
                ),
                x=round(_LEFT + index * place + place * 0.1, 2),
                width=round(place * 0.8, 2),
                answered=counts["answered"],
                handed_over=counts["handed_over"],
                answered_y=round(base - lower, 2),
                answered_height=round(lower, 2),
                handed_over_y=round(base - lower - upper, 2),
                handed_over_height=round(upper, 2),
            )
        )
    return found


def _frame(bars: Sequence[Bar]) -> dict[str, Any]:
    """The drawing's size, its lines, and which bars have their day below them."""
    most = max((bar.answered + bar.handed_over for bar in bars), default=0)
    base, high = _HEIGHT - _BELOW, _HEIGHT - _BELOW - 8
    return {
        "width": _WIDTH,
        "height": _HEIGHT,
        "left": _LEFT,
        "base": base,
        "lines": [
            {"count": round(most * part / 2), "y": base - high * part / 2}
            for part in (0, 1, 2)
            if most
        ],
        "labels": _labels(bars),
    }


def _labels(bars: Sequence[Bar]) -> list[dict[str, Any]]:
    """The days that stand below the bars: the last one, and as many as there is room."""
    wide = _CHARACTER * max(len(bar.label) for bar in bars)
    place = (_WIDTH - _LEFT) / len(bars)
    # In the middle below a bar that is narrow, the last one would leave the drawing. It
    # ends with its bar, and so comes closer to the one before.
    ends = wide > place
    every = math.ceil(((1.5 if ends else 1) * wide + _BETWEEN) / place)
    found: list[dict[str, Any]] = [
        {"text": bar.label, "x": round(bar.x + bar.width / 2, 2), "ends": False}
        for bar in bars[::-every]
    ]
    if ends:
        found[0] |= {"x": round(bars[-1].x + bars[-1].width, 2), "ends": True}
    return [each for each in reversed(found) if each["x"] >= wide / 2]


def _rated(rows: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """The rows, each with its bar: of a hundred, the largest having all."""
    most = max((row[name] for row in rows), default=0) or 1
    return [{**row, "bar": round(100 * row[name] / most, 1)} for row in rows]


def _outcome(row: dict[str, Any]) -> dict[str, Any]:
    """A tenth of the confidence with its shares, as parts of a bar."""
    resolved = row["confirmed"] + row["assumed"]
    judged = resolved + row["reopened"]
    good = 100 * resolved / judged if judged else 0
    return {
        **row,
        "resolved": resolved,
        "resolved_share": share(resolved, judged),
        "helpful_share": share(row["helpful"], row["helpful"] + row["unhelpful"]),
        "bar": round(good, 1),
        "rest": round(100 - good, 1) if judged else 0,
    }
