"""Business hours in forms, as an owner writes them on the door."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from ai_model.hours import DAYS, read_special, read_time
from core.admin import ByNameField, ByNameWidget

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMES: Final = dict(zip(DAYS, WEEKDAYS.values(), strict=True))
_TIME: Final = r"(\d{1,2})(?:[:.](\d{2}))?"
_SPAN: Final = re.compile(rf"{_TIME}\s*[-–—]\s*{_TIME}")
#: A date, or the day of a year, perhaps until another one; and what is said of it.
_SPECIAL: Final = re.compile(
    r"((?:\d{4}-)?\d\d-\d\d)(?:\s*(?:\.\.+|…)\s*(\d{4}-\d\d-\d\d))?[\s:]*(.*)"
)
_CLOSED: Final = "closed"
#: Days that one line may name.
_LONGEST: Final = 100


def read_spans(text: str) -> list[list[str]]:
    """From `9-12, 13:00-17:30` to pairs of times; raises ValidationError."""
    if text.strip().lower() in {_CLOSED, str(_("closed")).lower()}:
        return []
    return [_span(each.strip()) for each in re.split("[,;]", text) if each.strip()]


def show_spans(spans: list[list[str]]) -> str:
    """The pairs of times as `read_spans` takes them."""
    times = (map(_clock, span) for span in spans)
    return ", ".join(
        f"{start}-{'24:00' if end == '00:00' else end}" for start, end in times
    )


def _clock(text: str) -> str:
    # Programs may have written it otherwise, as in 09:00:00.
    return f"{read_time(text):%H:%M}"


def _span(text: str) -> list[str]:
    match = _SPAN.fullmatch(text)
    try:
        if match is None:
            raise ValueError(text)
        return [_time(match[1], match[2]), _time(match[3], match[4])]
    except ValueError as exc:
        raise ValidationError(
            _("“%(text)s” are no hours; write them as 09:00-17:00.") % {"text": text}
        ) from exc


def _time(hour: str, minute: str | None) -> str:
    at = (int(hour), int(minute or 0))
    return f"{dt.time(*((0, 0) if at == (24, 0) else at)):%H:%M}"


class WeekWidget(ByNameWidget):
    """An input for each day of the week."""

    def decompress(self, value: Any) -> list[str]:
        """The hours of each day as text; what cannot be read as it is."""
        found = value if isinstance(value, dict) else {}
        return [_shown(found.get(day, [])) for day in self.labels]


class WeekField(ByNameField):
    """The hours of each day; a week without any is always open."""

    widget_class = WeekWidget

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(_NAMES, **kwargs)

    def compress(self, data_list: list[str]) -> dict[str, Any]:
        """The spans by day; raises ValidationError that names the day."""
        found = {}
        for day, text in super().compress(data_list).items():
            try:
                found[day] = read_spans(text)
            except ValidationError as exc:
                raise ValidationError(f"{_NAMES[day]}: {exc.messages[0]}") from exc
        return found


class SpecialDaysField(forms.CharField):
    """Dates with their hours, one a line."""

    widget = forms.Textarea(attrs={"rows": 5})

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return "\n".join(
            f"{date} {_shown(spans) or _(_CLOSED)}" for date, spans in value.items()
        )

    def to_python(self, value: Any) -> Any:
        """The spans by date, in order; raises ValidationError."""
        lines = (each.strip() for each in (super().to_python(value) or "").splitlines())
        found = dict(pair for line in lines if line for pair in _special(line))
        return dict(sorted(found.items()))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool((initial or {}) != self.to_python(data))


def _special(line: str) -> Iterator[tuple[str, list[list[str]]]]:
    """Each date that a line names, with its hours."""
    match = _SPECIAL.fullmatch(line)
    if match is None:
        raise ValidationError(_no_date(line))
    first, last, hours = match.groups()
    spans = read_spans(hours)
    try:
        if last is None:
            read_special({first: spans})
            yield first, spans
            return
        day, end = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    except ValueError as exc:
        raise ValidationError(_no_date(line)) from exc
    days = (end - day).days
    if not 0 <= days < _LONGEST:
        raise ValidationError(_no_date(line))
    for ahead in range(days + 1):
        yield (day + dt.timedelta(days=ahead)).isoformat(), spans


def _no_date(line: str) -> Any:
    return _(
        "“%(line)s” cannot be read; write 2026-12-24 09:00-12:00, or 12-25 closed."
    ) % {"line": line}


def _shown(spans: Any) -> str:
    try:
        return show_spans(spans)
    except (TypeError, ValueError):
        return str(spans)
