"""The knowledge: entries with what they said before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.scoped_admin import ScopedAdmin
from knowledge.models import Entry, Revision
from knowledge.services import set_status

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

    TabularInline = admin.TabularInline[Any, Any]
else:
    TabularInline = admin.TabularInline


class RevisionInline(TabularInline):
    """What the entry said before; whoever sees the entry sees this."""

    model = Revision
    fields = readonly_fields = ("number", "title", "body", "author", "created_at")
    extra = 0
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Revision]:
        return super().get_queryset(request).select_related("author")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Entry)
class EntryAdmin(ScopedAdmin):
    """Is it there, is it published, and when did it change last?"""

    list_display = ("title", "entry_type", "lang", "status", "visibility", "updated_at")
    list_filter = ("status", "entry_type", "lang", "visibility")
    list_select_related = ("account",)
    search_fields = ("title", "body", "external_id")
    autocomplete_fields = ("account",)
    readonly_fields = ("uuid", "revision", "source", "created_at", "updated_at")
    ordering = ("-updated_at",)
    inlines = (RevisionInline,)
    actions = ("publish", "archive")
    fieldsets = (
        (None, {"fields": ("account", "title", "body")}),
        (None, {"fields": ("entry_type", "lang", "status", "visibility")}),
        (
            _("Origin"),
            {
                "fields": ("external_id", *readonly_fields),
                "classes": ("collapse",),
            },
        ),
    )

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: Any
    ) -> None:
        obj.edited_by = request.user
        super().save_model(request, obj, form, change)

    @admin.action(description=_("Publish selected entries"), permissions=["edit"])
    def publish(self, request: HttpRequest, queryset: QuerySet[Entry]) -> None:
        self._set_status(request, queryset, Entry.Status.PUBLISHED)

    @admin.action(description=_("Archive selected entries"), permissions=["edit"])
    def archive(self, request: HttpRequest, queryset: QuerySet[Entry]) -> None:
        self._set_status(request, queryset, Entry.Status.ARCHIVED)

    def _set_status(
        self, request: HttpRequest, queryset: QuerySet[Entry], status: Entry.Status
    ) -> None:
        count = set_status(self.editable(request, queryset), status=status)
        text = ngettext("%d entry was changed.", "%d entries were changed.", count)
        self.message_user(request, text % count, messages.SUCCESS)
