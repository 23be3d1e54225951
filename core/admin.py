"""What the admin pages of all apps share."""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import display_for_value
from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR, ChangeList
from django.core.paginator import Page, Paginator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import periodic
from core.models import PeriodicTask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django_stubs_ext import StrOrPromise

    AnyPaginator = Paginator[Any]
    PeriodicTaskBase = admin.ModelAdmin[PeriodicTask]
    SimpleListFilter = admin.SimpleListFilter
else:
    AnyPaginator = Paginator
    PeriodicTaskBase = admin.ModelAdmin
    SimpleListFilter = admin.SimpleListFilter

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
        # In their own order, as there is an index for that.
        rows: Any = self.object_list
        return int(rows[:MOST_ROWS].count())

    def page(self, number: Any) -> Any:
        """The rows of this page."""
        number = self.validate_number(number)
        end = min(number * self.per_page, self.count)
        rows: Any = self.object_list
        keys = rows.values_list("pk", flat=True)[(number - 1) * self.per_page : end]
        return Page(rows.filter(pk__in=list(keys)), number, self)


def newest_by(page: Any) -> str:
    """The column by which a list shows the newest first; empty: it does not."""
    first = str(next(iter(page.ordering or ()), ""))
    return first.removeprefix("-") if first.startswith("-") else ""


class BoundedChangeList(ChangeList):
    """Tells of more rows than it counts, and leads to those below its last page."""

    @property
    def count_text(self) -> str:
        """How many rows there are, as far as they were counted."""
        is_all = self.result_count < MOST_ROWS
        return str(self.result_count) if is_all else f"{MOST_ROWS}+"

    @property
    def older(self) -> str:
        """The query of the rows from the last one on; empty: there are pages to turn.

        Only what is ordered by the newest can be followed down to the oldest.
        """
        paginator: Any = self.paginator
        is_last = self.page_num == paginator.num_pages
        name = newest_by(self.model_admin)
        is_whole = paginator.count < MOST_ROWS
        if not name or not is_last or is_whole or ORDER_VAR in self.params:
            return ""
        # Some rows may be shown again, as long as they share that moment.
        value = getattr(list(self.result_list)[-1], name)
        if value is None:
            return ""
        shown = value.isoformat() if isinstance(value, dt.datetime) else value
        return self.get_query_string({f"{name}__lte": shown}, [PAGE_VAR])


class WhenFilter(SimpleListFilter):
    """How long ago it was. A date hierarchy would read the whole table for its years."""

    title = _("when")
    parameter_name = "when"
    field: ClassVar = "created_at"
    _DAYS: ClassVar = {"today": 0, "7": 6, "30": 29, "90": 89}

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("today", _("Today")),
            ("yesterday", _("Yesterday")),
            ("7", _("Last 7 days")),
            ("30", _("Last 30 days")),
            ("90", _("Last 90 days")),
        ]

    def queryset(self, request: Any, queryset: Any) -> Any:
        today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        if self.value() == "yesterday":
            before = today - dt.timedelta(days=1)
            return queryset.filter(
                **{f"{self.field}__gte": before, f"{self.field}__lt": today}
            )
        days = self._DAYS.get(str(self.value()))
        if days is None:
            return queryset
        return queryset.filter(**{f"{self.field}__gte": today - dt.timedelta(days)})


def when(field: str) -> type[WhenFilter]:
    """The same by another column."""
    return type("WhenFilter", (WhenFilter,), {"field": field})


class BrokenFilter(SimpleListFilter):
    """What is switched on and refused by its provider."""

    title = _("works")
    parameter_name = "broken"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", _("Broken")), ("0", _("Works"))]

    def queryset(self, request: Any, queryset: Any) -> Any:
        match self.value():
            case "1":
                return queryset.filter(is_active=True).exclude(error="")
            case "0":
                return queryset.filter(is_active=True, error="")
        return queryset


def among(
    field: str, title: Any, choices: Callable[[], Iterable[tuple[str, Any]]]
) -> type[SimpleListFilter]:
    """A filter by values that are known; Django's own would read the table for them."""

    class KnownFilter(SimpleListFilter):
        # Shown when asked for: there may be many.
        template = "admin/filter_folded.html"
        parameter_name = field

        def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, Any]]:
            return list(choices())

        def queryset(self, request: Any, queryset: Any) -> Any:
            value = self.value()
            return queryset.filter(**{field: value}) if value else queryset

    KnownFilter.title = title
    return KnownFilter


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(PeriodicTaskBase):
    """What runs by itself: when, with what result, and what is overdue.

    Of the whole installation, and so for superusers only.
    """

    list_display = (
        "name",
        "state",
        "started_at",
        "duration_ms",
        "result",
        "error",
        "failed_at",
        "next_due",
        "runs",
    )
    readonly_fields = ("state", "next_due")
    actions = ("run_now",)

    @admin.display(description=_("state"))
    def state(self, obj: PeriodicTask) -> str:
        if periodic.is_overdue(obj):
            return str(_("Overdue"))
        if obj.is_running:
            return str(_("Running"))
        return str(obj.get_outcome_display() or _("Not run yet"))

    @admin.display(description=_("next due"))
    def next_due(self, obj: PeriodicTask) -> str:
        # The list would do so by itself, the page of one task would not.
        return str(display_for_value(periodic.next_due(obj), "-"))

    @admin.action(description=_("Run now"), permissions=["view"])
    def run_now(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        for row in queryset:
            periodic.run_now(row.name)
        text = _("A worker runs what was selected; look again in a moment.")
        self.message_user(request, text, messages.SUCCESS)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PeriodicTask]:
        periodic.note_schedule()
        return super().get_queryset(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


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
