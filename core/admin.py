"""What the admin pages of all apps share."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.paginator import Page, Paginator
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_stubs_ext import StrOrPromise

    AnyPaginator = Paginator[Any]
else:
    AnyPaginator = Paginator

admin.site.site_header = "Answerdesk"
admin.site.site_title = "Answerdesk"
admin.site.index_title = _("Your business")

#: Rows that a list counts and pages through; filters and search reach the others.
MOST_ROWS = 5_000


class BoundedPaginator(AnyPaginator):
    """Counts no further than `MOST_ROWS`, so that long tables open at once.

    A page far down costs about as much as the first: only the keys of the rows before
    it are passed over, not the rows with all that is joined to them.
    """

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[:MOST_ROWS].count())

    def page(self, number: Any) -> Any:
        """The rows of this page."""
        number = self.validate_number(number)
        end = min(number * self.per_page, self.count)
        rows: Any = self.object_list
        keys = rows.values_list("pk", flat=True)[(number - 1) * self.per_page : end]
        return Page(rows.filter(pk__in=list(keys)), number, self)


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


class PerHundredField(forms.FloatField):
    """A share, written as how many in a hundred."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"min_value": 0.5, "max_value": 50, **kwargs})

    def prepare_value(self, value: Any) -> Any:
        return f"{value * 100:g}" if isinstance(value, float) else value

    def clean(self, value: Any) -> Any:
        """The share from 0 to 1, or None."""
        found = super().clean(value)
        return None if found is None else round(found / 100, 6)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(super().has_changed(self.prepare_value(initial), data))


class ByNameWidget(forms.MultiWidget):
    """A labelled input for each name of an object."""

    template_name = "core/by_name.html"
    use_fieldset = True

    class Media:
        css: ClassVar = {"all": ["css/admin-fields.css"]}

    def __init__(
        self, labels: Mapping[str, StrOrPromise], widgets: Mapping[str, forms.Widget]
    ) -> None:
        self.labels = labels
        super().__init__(dict(widgets))

    def decompress(self, value: Any) -> list[str]:
        """The values in the order of the labels."""
        found = value if isinstance(value, dict) else {}
        return [found.get(name, "") for name in self.labels]

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """The inputs, each with its label."""
        context = super().get_context(name, value, attrs)
        inputs = context["widget"]["subwidgets"]
        for label, each in zip(self.labels.values(), inputs, strict=True):
            each["label"] = label
        return context


class ByNameField(forms.MultiValueField):
    """An object of texts, each name with an input of its own; empty ones are left out."""

    widget: ByNameWidget
    widget_class: ClassVar[type[ByNameWidget]] = ByNameWidget

    def __init__(
        self,
        labels: Mapping[str, StrOrPromise],
        widgets: Mapping[str, forms.Widget] | None = None,
        **kwargs: Any,
    ) -> None:
        inputs = widgets or {name: forms.TextInput() for name in labels}
        super().__init__(
            fields=[forms.CharField(required=False) for _ in labels],
            widget=self.widget_class(labels, inputs),
            require_all_fields=False,
            required=False,
            **kwargs,
        )

    def compress(self, data_list: list[str]) -> dict[str, Any]:
        """The texts by name."""
        found = zip(self.widget.labels, data_list, strict=False)
        return {name: text for name, text in found if text}
