"""The assistant with its prompts, its turns and what they used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.scoped_admin import RecordAdmin, ScopedAdmin, accounts_as
from ai_model import budget_page, calibration, spending_admin, sunset
from ai_model import gap_admin as gap_admin
from ai_model import prompt_admin as prompt_admin
from ai_model import tally_admin as tally_admin
from ai_model.forms import AssistantForm
from ai_model.judging import record_judgement
from ai_model.lines import opening_time
from ai_model.models import (
    Assistant,
    Judgement,
    ModelWarning,
    ProviderTest,
    Turn,
    Usage,
)
from ai_model.why import explain_turn
from core.exceptions import Conflict

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern


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
        (None, {"fields": ("account", "auto_response", "phrases")}),
        (
            _("How sure it must be"),
            {"fields": ("wrong_budget", "threshold", "in_force")},
        ),
        (
            _("How it speaks"),
            {
                "fields": (
                    "tone",
                    "languages",
                    "fallback_language",
                    "greeting_texts",
                    "discloses_ai",
                    "disclosure_texts",
                )
            },
        ),
        (
            _("Business hours"),
            {
                "fields": (
                    "business_hours",
                    "special_days",
                    "time_zone",
                    "open_now",
                    "outside_hours",
                    "outside_texts",
                )
            },
        ),
        (
            _("Providers"),
            {
                "fields": (
                    "chain",
                    "model_names",
                    "temperature",
                    "max_tokens",
                    "makes_questions",
                )
            },
        ),
        (
            _("Spending limits"),
            {
                "description": _(
                    "What may be spent on models, in days and months of UTC. Once a limit"
                    " is reached no model is asked: the local answerer quotes what it is"
                    " sure of, and your people have the rest. Empty: no limit."
                ),
                "fields": (
                    ("daily_cost_limit", "monthly_cost_limit"),
                    ("daily_token_limit", "monthly_token_limit"),
                    ("daily_request_limit", "monthly_request_limit"),
                    "limit_warning",
                    "spending_now",
                ),
            },
        ),
    )

    readonly_fields = ("in_force", "open_now", "spending_now")

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.budget_view)
        name = "ai_model_assistant_budget"
        return [path("<int:key>/budget/", page, name=name), *super().get_urls()]

    @admin.display(description=_("in force"))
    def in_force(self, obj: Assistant) -> str:
        if obj.pk is None:
            return "–"
        return format_html(
            '<a href="{}">{}</a>',
            reverse("admin:ai_model_assistant_budget", args=[obj.pk]),
            _(
                "Answers from %(percent)s %% on: what that promises, and what it would do"
            )
            % {"percent": f"{obj.effective_threshold * 100:.4g}"},
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        assistant = self.get_object(request, object_id)
        if request.method == "GET" and assistant is not None:
            for each in sunset.ending(assistant):
                self.message_user(request, _ending_text(each), messages.WARNING)
            for text in spending_admin.warnings(assistant):
                self.message_user(request, text, messages.WARNING)
        return super().change_view(request, object_id, form_url, extra_context)

    @admin.display(description=_("now"))
    def spending_now(self, obj: Assistant) -> str:
        return spending_admin.spending_lines(obj) if obj.pk else "–"

    @admin.display(description=_("now"))
    def open_now(self, obj: Assistant) -> str:
        """Whether it is open, and when next, so that an owner sees what was meant."""
        now = timezone.now()
        if obj.is_open(now):
            return gettext("Open.")
        opening = obj.hours.next_opening(now)
        if opening is None:
            return gettext("Closed.")
        when = opening_time(opening, now, get_language() or "")
        return gettext("Closed. Opens again: %(when)s.") % {"when": when}

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: Any
    ) -> None:
        super().save_model(request, obj, form, change)
        if "wrong_budget" in form.changed_data:
            calibration.refresh(account=obj.account)

    def budget_view(self, request: HttpRequest, key: int) -> HttpResponse:
        """What the budget promises, and what it would do; judges an answer by POST."""
        assistant = self.get_object(request, str(key))
        if assistant is None or not self.has_view_permission(request, assistant):
            raise Http404
        if request.method == "POST" and self.may_edit(request, assistant):
            user: Any = request.user
            if budget_page.judge(assistant, request.POST, user) is None:
                text = _("That answer is not there to be judged any more.")
                self.message_user(request, text, messages.WARNING)
            return HttpResponseRedirect(f"{request.get_full_path()}#judge")
        found = budget_page.context(assistant, request.GET)
        found |= {"title": _("Wrong-answer budget"), "opts": self.opts}
        context = {**self.admin_site.each_context(request), **found}
        return TemplateResponse(request, "ai_model/budget.html", context)

    def has_add_permission(self, request: HttpRequest) -> bool:
        without = accounts_as(request, self.editors).filter(assistant=None)
        return super().has_add_permission(request) and without.exists()

    @admin.display(description=_("providers"))
    def providers_in_order(self, obj: Assistant) -> str:
        return " → ".join(obj.chain)


def _ending_text(found: sunset.Ending) -> str:
    values = {
        "model": found.model,
        "day": date_format(found.retires_on, "DATE_FORMAT"),
        "successor": found.successor or "–",
    }
    if found.is_over:
        text = gettext(
            "The model %(model)s is switched off since %(day)s; use %(successor)s."
        )
    else:
        text = gettext(
            "The model %(model)s is served until %(day)s; then use %(successor)s."
        )
    return text % values


@admin.register(ModelWarning)
class ModelWarningAdmin(RecordAdmin):
    """Which models will be switched off, and were the owners told?"""

    list_display = ("model", "provider", "retires_on", "successor", "told_at")
    list_filter = ("provider",)
    list_select_related = ("account",)
    search_fields = ("model", "account__name")
    ordering = ("retires_on",)


@admin.register(ProviderTest)
class ProviderTestAdmin(RecordAdmin):
    """Do the models that we ask answer us?"""

    list_display = (
        "model",
        "provider",
        "works",
        "latency_ms",
        "quota",
        "error",
        "failing_since",
        "tested_at",
    )
    list_filter = ("works", "provider")
    list_select_related = ("account",)
    search_fields = ("model", "error", "account__name")
    ordering = ("works", "provider", "model")


@admin.register(Turn)
class TurnAdmin(RecordAdmin):
    """Why was it answered so?"""

    list_display = (
        "created_at",
        "contact",
        "state",
        "reason",
        "confidence",
        "was_right",
        "provider",
        "model",
        "total_ms",
    )
    list_filter = ("state", "reason", "provider", "judgement__right")
    list_select_related = ("conversation__contact", "account", "judgement")
    search_fields = ("query",)
    ordering = ("-id",)
    actions = ("mark_right", "mark_wrong")
    fields = ("conversation", "reply", "explanation", "created_at", "uuid")
    readonly_fields = ("explanation",)

    @admin.display(description=_("customer"))
    def contact(self, obj: Turn) -> str:
        return obj.conversation.contact.label

    @admin.display(description=_("time in ms"))
    def total_ms(self, obj: Turn) -> Any:
        return obj.timings.get("total")

    @admin.display(description=_("right"), boolean=True)
    def was_right(self, obj: Turn) -> bool | None:
        judgement = getattr(obj, "judgement", None)
        return judgement.right if judgement else None

    @admin.action(description=_("The best entry found was right"), permissions=["edit"])
    def mark_right(self, request: HttpRequest, queryset: QuerySet[Turn]) -> None:
        self._mark(request, queryset, right=True)

    @admin.action(description=_("The best entry found was wrong"), permissions=["edit"])
    def mark_wrong(self, request: HttpRequest, queryset: QuerySet[Turn]) -> None:
        self._mark(request, queryset, right=False)

    def _mark(
        self, request: HttpRequest, queryset: QuerySet[Turn], *, right: bool
    ) -> None:
        count = 0
        user: Any = request.user
        for row in self.editable(request, queryset):
            try:
                record_judgement(
                    turn=row, right=right, origin=Judgement.Origin.STAFF, user=user
                )
            except Conflict as exc:
                self.message_user(request, f"{row}: {exc}", messages.WARNING)
            else:
                count += 1
        text = ngettext("%d turn was judged.", "%d turns were judged.", count)
        self.message_user(request, text % count, messages.SUCCESS)

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
        "username",
        "requests",
        "failures",
        "tokens_in",
        "tokens_out",
        "cost",
        "mean_ms",
    )
    list_filter = ("provider", "day")
    list_select_related = ("account",)
    search_fields = ("provider", "model", "username")
    ordering = ("-day", "provider")

    @admin.display(description=_("mean time in ms"))
    def mean_ms(self, obj: Usage) -> int | None:
        return round(obj.latency_ms / obj.requests) if obj.requests else None
