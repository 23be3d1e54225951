"""Prompts: their versions, what changed between them, and drafts to be published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.scoped_admin import RecordAdmin, ScopedAdmin
from ai_model.models import Prompt, PromptDraft
from ai_model.prompt_drafts import difference, publish, published, restore

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern


def _shown(old: str, new: str) -> str:
    lines = difference(old, new)
    return render_to_string("admin/ai_model/prompt/_difference.html", {"lines": lines})


@admin.register(Prompt)
class PromptAdmin(RecordAdmin):
    """What is, and was, the assistant told?"""

    is_on_trail = True
    list_display = ("kind", "version", "is_newest", "author", "created_at")
    list_filter = ("kind",)
    list_select_related = ("author", "account")
    search_fields = ("text",)
    fields = ("kind", "version", "author", "created_at", "text", "changes")
    readonly_fields = ("changes",)
    ordering = ("kind", "-version")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        newer = Prompt.objects.filter(
            account=OuterRef("account"),
            kind=OuterRef("kind"),
            version__gt=OuterRef("version"),
        )
        rows = super().get_queryset(request)
        marked: QuerySet[Any] = rows.annotate(is_old=Exists(newer))
        return marked

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.restore_view)
        name = "ai_model_prompt_restore"
        return [path("<int:key>/restore/", page, name=name), *super().get_urls()]

    @admin.display(description=_("in use"), boolean=True)
    def is_newest(self, obj: Any) -> bool:
        return not obj.is_old

    @admin.display(description=_("changed against the version before"))
    def changes(self, obj: Prompt) -> str:
        before = Prompt.objects.filter(
            account=obj.account, kind=obj.kind, version__lt=obj.version
        ).first()
        return _shown(before.text if before else "", obj.text)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        more = {
            "may_edit": row is not None and self.may_edit(request, row),
            "draft": row
            and PromptDraft.objects.filter(account=row.account, kind=row.kind).first(),
        }
        return super().change_view(
            request, object_id, form_url, {**(extra_context or {}), **more}
        )

    def restore_view(self, request: HttpRequest, key: int) -> HttpResponse:
        """What going back to this version would change; does it by POST."""
        row = self.get_object(request, str(key))
        if row is None or not self.may_edit(request, row):
            raise Http404
        if request.method == "POST":
            author: Any = request.user
            _say_in_force(self, request, new := restore(prompt=row, author=author))
            return HttpResponseRedirect(_page(new))
        now = published(row.account, row.kind)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Use version %(version)s again") % {"version": row.version},
            "opts": self.opts,
            "prompt": row,
            "now": now,
            "changes": _shown(now.text if now else "", row.text),
        }
        return TemplateResponse(request, "admin/ai_model/prompt/restore.html", context)


@admin.register(PromptDraft)
class PromptDraftAdmin(ScopedAdmin):
    """What shall the assistant be told? Nothing changes until it is published."""

    list_display = ("kind", "author", "updated_at")
    list_filter = ("kind",)
    list_select_related = ("author", "account")
    search_fields = ("text",)
    autocomplete_fields = ("account",)
    fixed_fields = ("kind",)
    fields = ("account", "kind", "text", "changes")
    readonly_fields = ("changes",)
    ordering = ("kind",)

    @admin.display(description=_("changes, as saved"))
    def changes(self, obj: PromptDraft) -> str:
        if obj.pk is None:
            return "–"
        now = published(obj.account, obj.kind)
        return _shown(now.text if now else "", obj.text)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begin with what is in force, where a version says which."""
        version = request.GET.get("from", "")
        rows = Prompt.objects.for_user(request.user)
        row = rows.filter(pk=version).first() if version.isdecimal() else None
        if row is None:
            return {}
        return {"account": row.account_id, "kind": row.kind, "text": row.text}

    def formfield_for_dbfield(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == "text":
            kwargs["widget"] = forms.Textarea(
                attrs={"class": "vLargeTextField", "rows": 16}
            )
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: Any
    ) -> None:
        obj.author = request.user
        super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._publish(request, obj) or super().response_add(
            request, obj, post_url_continue
        )

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return self._publish(request, obj) or super().response_change(request, obj)

    def _publish(self, request: HttpRequest, draft: PromptDraft) -> HttpResponse | None:
        """Publish what was just saved, if that is the button that was pressed."""
        if "_publish" not in request.POST:
            return None
        author: Any = request.user
        row = publish(draft=draft, author=author)
        _say_in_force(self, request, row)
        return HttpResponseRedirect(_page(row))


def _say_in_force(page: ScopedAdmin, request: HttpRequest, row: Prompt) -> None:
    text = gettext("Version %(version)s is in force.") % {"version": row.version}
    page.message_user(request, text, messages.SUCCESS)


def _page(row: Prompt) -> str:
    return reverse("admin:ai_model_prompt_change", args=[row.pk])
