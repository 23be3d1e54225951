"""The knowledge: entries with what they said before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.urls import path
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.scoped_admin import ScopedAdmin
from core.admin import LinesField
from knowledge import example_admin as example_admin
from knowledge import index_admin as index_admin
from knowledge import source_admin
from knowledge.admin_import import import_page
from knowledge.models import Entry, Revision
from knowledge.services import set_status

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    TabularInline = admin.TabularInline[Any, Any]
    ModelForm = forms.ModelForm[Entry]
else:
    TabularInline = admin.TabularInline
    ModelForm = forms.ModelForm

del source_admin  # importing it registers its pages


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


class EntryForm(ModelForm):
    """An entry, with its tags one a line."""

    tags = LinesField(required=False, label=_("Tags"), help_text=_("One a line."))


@admin.register(Entry)
class EntryAdmin(ScopedAdmin):
    """Is it there, is it published, and when did it change last?"""

    form = EntryForm
    list_display = ("title", "entry_type", "lang", "status", "visibility", "updated_at")
    list_filter = ("status", "entry_type", "lang", "visibility")
    list_select_related = ("account", "read_from")
    search_fields = ("title", "body", "external_id")
    autocomplete_fields = ("account",)
    readonly_fields = (
        "uuid",
        "revision",
        "source",
        "read_from",
        "created_at",
        "updated_at",
    )
    ordering = ("-updated_at",)
    inlines = (RevisionInline,)
    actions = ("publish", "archive")
    fieldsets = (
        (None, {"fields": ("account", "title", "body")}),
        (None, {"fields": ("entry_type", "lang", "status", "visibility", "tags")}),
        (
            _("Origin"),
            {
                "fields": ("external_id", *readonly_fields),
                "classes": ("collapse",),
            },
        ),
    )

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.import_view)
        return [
            path("import/", view, name="knowledge_entry_import"),
            *super().get_urls(),
        ]

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """The page that imports files and pages."""
        return import_page(request, self)

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: Any
    ) -> None:
        obj.edited_by = request.user
        if "status" in form.changed_data:
            obj.gone_at = None
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
