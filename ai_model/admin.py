"""The assistant with its prompts, its turns and what they used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import Exists, OuterRef
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from accounts.scoped_admin import RecordAdmin, ScopedAdmin, accounts_as
from ai_model import providers
from ai_model.models import Assistant, Prompt, Turn, Usage
from ai_model.services import save_prompt
from ai_model.why import explain_turn
from core.admin import LinesField, ObjectField

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

    AssistantModelForm = forms.ModelForm[Assistant]
else:
    AssistantModelForm = forms.ModelForm


class AssistantForm(AssistantModelForm):
    """Lists are written one a line, objects as JSON."""

    chain = LinesField(
        label=_("Providers"),
        help_text=_("One a line, first choice first. There are: %(known)s.")
        % {"known": ", ".join(providers.REGISTRY)},
    )
    phrases = LinesField(
        label=_("Handoff phrases"),
        required=False,
        help_text=_("What customers say when they want a person; one a line."),
    )
    model_names = ObjectField(
        label=_("Models"),
        required=False,
        help_text=_('Model per provider, as in {"gemini": "gemini-2.5-flash"}.'),
    )
    business_hours = ObjectField(
        label=_("Business hours"),
        required=False,
        help_text=_('Empty: always open. Else {"mon": [["09:00", "17:00"]]}.'),
    )

    class Meta:
        model = Assistant
        exclude = ()


@admin.register(Assistant)
class AssistantAdmin(ScopedAdmin):
    """How does the assistant answer? One for each account."""

    form = AssistantForm
    can_delete = False
    list_display = ("__str__", "auto_response", "providers_in_order", "threshold")
    list_select_related = ("account",)
    search_fields = ("account__name",)
    autocomplete_fields = ("account",)
    fieldsets = (
        (None, {"fields": ("account", "auto_response", "threshold", "phrases")}),
        (_("Business hours"), {"fields": ("business_hours", "time_zone")}),
        (
            _("Providers"),
            {"fields": ("chain", "model_names", "temperature", "max_tokens")},
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        without = accounts_as(request, self.editors).filter(assistant=None)
        return super().has_add_permission(request) and without.exists()

    @admin.display(description=_("providers"))
    def providers_in_order(self, obj: Assistant) -> str:
        return " → ".join(obj.chain)


@admin.register(Prompt)
class PromptAdmin(ScopedAdmin):
    """What is the assistant told? Saving adds a version; former ones stay."""

    can_delete = False
    list_display = ("kind", "version", "is_newest", "author", "created_at")
    list_filter = ("kind",)
    list_select_related = ("author", "account")
    search_fields = ("text",)
    autocomplete_fields = ("account",)
    fixed_fields = ("kind",)
    fields = ("account", "kind", "text")
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

    @admin.display(description=_("in use"), boolean=True)
    def is_newest(self, obj: Any) -> bool:
        return not obj.is_old

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: Any
    ) -> None:
        if change and "text" not in form.changed_data:
            return
        author: Any = request.user
        row = save_prompt(
            account=obj.account, kind=obj.kind, text=obj.text, author=author
        )
        # What follows, the log and the page shown next, is about the new version.
        obj.pk, obj.version = row.pk, row.version


@admin.register(Turn)
class TurnAdmin(RecordAdmin):
    """Why was it answered so?"""

    list_display = (
        "created_at",
        "contact",
        "state",
        "reason",
        "confidence",
        "provider",
        "model",
        "total_ms",
    )
    list_filter = ("state", "reason", "provider")
    list_select_related = ("conversation__contact", "account")
    search_fields = ("query",)
    ordering = ("-id",)
    fields = ("conversation", "reply", "explanation", "created_at", "uuid")
    readonly_fields = ("explanation",)

    @admin.display(description=_("customer"))
    def contact(self, obj: Turn) -> str:
        return obj.conversation.contact.label

    @admin.display(description=_("time in ms"))
    def total_ms(self, obj: Turn) -> Any:
        return obj.timings.get("total")

    @admin.display(description=_("why"))
    def explanation(self, obj: Turn) -> str:
        return format_html_join(
            "", "<p>{}</p>", ((line,) for line in explain_turn(obj))
        )


@admin.register(Usage)
class UsageAdmin(RecordAdmin):
    """What did which model cost on which day?"""

    list_display = (
        "day",
        "provider",
        "model",
        "requests",
        "failures",
        "tokens_in",
        "tokens_out",
        "cost",
        "mean_ms",
    )
    list_filter = ("provider", "day")
    list_select_related = ("account",)
    search_fields = ("provider", "model")
    ordering = ("-day", "provider")

    @admin.display(description=_("mean time in ms"))
    def mean_ms(self, obj: Usage) -> int | None:
        return round(obj.latency_ms / obj.requests) if obj.requests else None
