"""What the admin pages of all apps share."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.core.paginator import Paginator
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    AnyPaginator = Paginator[Any]
else:
    AnyPaginator = Paginator

admin.site.site_header = "Answerdesk"
admin.site.site_title = "Answerdesk"
admin.site.index_title = _("Your business")

#: Rows that a list counts and pages through; filters and search reach the others.
MOST_ROWS = 5_000


class BoundedPaginator(AnyPaginator):
    """Counts no further than `MOST_ROWS`, so that long tables open at once."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[:MOST_ROWS].count())


class LinesField(forms.CharField):
    """A list of texts, one a line."""

    widget = forms.Textarea(attrs={"rows": 4})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """The lines without blanks and repetitions; raises nothing."""
        lines = (line.strip() for line in (super().to_python(value) or "").splitlines())
        return list(dict.fromkeys(line for line in lines if line))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool((initial or []) != self.to_python(data))


class ObjectField(forms.JSONField):
    """A JSON object; nothing else passes."""

    widget = forms.Textarea(attrs={"rows": 4})

    def clean(self, value: Any) -> Any:
        found = super().clean(value)
        if found in (None, ""):
            return {}
        if not isinstance(found, dict):
            raise forms.ValidationError(_('Write an object, as in {"name": "value"}.'))
        return found
