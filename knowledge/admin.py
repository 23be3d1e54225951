"""The knowledge: entries with what they said before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.urls import path
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from accounts.confirming import confirmed
from accounts.scoped_admin import ScopedAdmin
from core.admin import LinesField, when
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


_DONE = ngettext_lazy("%d entry was changed.", "%d entries were changed.")


@admin.register(Entry)
class EntryAdmin(ScopedAdmin):
    """Is it there, is it published, and when did it change last?"""

    form = EntryForm
    list_display = ("title", "entry_type", "lang", "status", "visibility", "updated_at")
    list_filter = ("status", "entry_type", "lang", "visibility", when("updated_at"))
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
    export_fields = (
        "external_id", "title", "body", "entry_type", "lang", "status", "visibility",
        "tags", "source", "updated_at",
    )  # fmt: skip
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

    @confirmed(
        description=_("Publish selected entries"),
        effect=_("The assistant answers from them from now on."),
        done=_DONE,
    )
    def publish(self, request: HttpRequest, rows: list[Any]) -> int:
        return set_status(rows, status=Entry.Status.PUBLISHED)

    @confirmed(
        description=_("Archive selected entries"),
        effect=_("The assistant does not answer from them any more."),
        done=_DONE,
    )
    def archive(self, request: HttpRequest, rows: list[Any]) -> int:
        return set_status(rows, status=Entry.Status.ARCHIVED)
