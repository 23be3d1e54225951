"""Sources: what is read, when, and what it brought."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from accounts.confirming import confirmed
from accounts.scoped_admin import ScopedAdmin
from core.exceptions import Conflict
from knowledge.models import Source
from knowledge.sources import ask_for_reading, change_source

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

#: Seconds after which the page of a source that is being read shows itself anew.
REFRESH_S = 2


@admin.register(Source)
class SourceAdmin(ScopedAdmin):
    """What was read, how did it end, and when is it read again?"""

    # The import page adds them.
    can_add: ClassVar[bool] = False
    list_display = ("address", "kind", "state", "read_at", "due_at")
    list_filter = ("kind", "state")
    list_select_related = ("account",)
    search_fields = ("address",)
    ordering = ("-pk",)
    actions = ("read_now",)
    readonly_fields = ("address", "kind", "state", "report", "known_entries", "read_at", "due_at")  # fmt: skip
    fieldsets = (
        (None, {"fields": ("account", "address", "kind")}),
        (None, {"fields": ("state", "report", "known_entries", "read_at", "due_at")}),
        (_("Next time"), {"fields": ("every_hours", "entry_type")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fixed = super().get_readonly_fields(request, obj)
        is_file = obj is not None and obj.kind == Source.Kind.FILE
        return (*fixed, "every_hours", "entry_type") if is_file else fixed

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_busy = obj is not None and obj.is_being_read
        return not is_busy and super().has_delete_permission(request, obj)

    @admin.display(description=_("entries"))
    def known_entries(self, source: Source) -> str:
        """The number of its entries, leading to their list."""
        url = reverse("admin:knowledge_entry_changelist")
        return format_html(
            '<a href="{}?read_from__id__exact={}">{}</a>',
            url,
            source.pk,
            source.entries.count(),
        )

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The page of a source; while it is being read, it shows how far that is."""
        response = super().change_view(request, object_id, *args, **kwargs)
        busy = (Source.State.WAITING, Source.State.READING)
        context = getattr(response, "context_data", None) or {}
        source = context.get("original")
        if request.method == "GET" and source is not None and source.state in busy:
            response["Refresh"] = str(REFRESH_S)
        return response

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: Any
    ) -> None:
        values = {name: form.cleaned_data[name] for name in form.changed_data}
        if not values:
            return
        try:
            change_source(obj, **values)
        except Conflict as exc:
            self.message_user(request, str(exc), messages.ERROR)

    @confirmed(
        description=_("Read selected sources now"),
        effect=_("Web pages and sitemaps are read as soon as a worker can."),
        done=ngettext_lazy("%d source will be read.", "%d sources will be read."),
    )
    def read_now(self, request: HttpRequest, rows: list[Any]) -> int:
        count = 0
        for source in (row for row in rows if row.kind != Source.Kind.FILE):
            # A conflict says that it is being read: that is what was asked for.
            with contextlib.suppress(Conflict):
                ask_for_reading(source, author=request.user)  # type: ignore[arg-type]
                count += 1
        return count
