"""The assistant, the models it is warned of, and what it used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import get_language, gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from accounts.confirming import confirmed
from accounts.scoped_admin import RecordAdmin, ScopedAdmin, accounts_as
from ai_model import budget_page, calibration, control, spending_admin, sunset
from ai_model import gap_admin as gap_admin
from ai_model import overview as overview
from ai_model import prompt_admin as prompt_admin
from ai_model import tally_admin as tally_admin
from ai_model.forms import AssistantForm
from ai_model.lines import opening_time
from ai_model.models import Assistant, ModelWarning, ProviderTest, Usage
from ai_model.turn_admin import provider_names
from core.admin import among

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern


_DONE_SWITCHED = ngettext_lazy(
    "%d assistant was switched.", "%d assistants were switched."
)


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
                    " is reached no model is asked: the local answerer, if it is among the"
                    " providers, quotes what it is sure of, and your people have the rest."
                    " Empty: no limit."
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
    actions = ("enable", "disable")

    @confirmed(
        description=_("Let the assistant answer"),
        effect=_(
            "The assistant answers by itself from now on. Conversations that people"
            " have stay with them until they are handed back."
        ),
        done=_DONE_SWITCHED,
    )
    def enable(self, request: HttpRequest, rows: list[Any]) -> int:
        return len(control.switch([row.account for row in rows], is_on=True))

    @confirmed(
        description=_("Stop the assistant"),
        effect=_(
            "The assistant answers nobody from now on; new messages wait for people."
        ),
        done=_DONE_SWITCHED,
    )
    def disable(self, request: HttpRequest, rows: list[Any]) -> int:
        return len(control.switch([row.account for row in rows], is_on=False))

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
    list_filter = (among("provider", _("provider"), provider_names),)
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
    list_filter = (among("provider", _("provider"), provider_names), "day")
    list_select_related = ("account",)
    search_fields = ("provider", "model", "username")
    ordering = ("-day", "provider")
    date_hierarchy = "day"
    export_fields = (
        "day", "provider", "model", "requests", "failures", "tokens_in", "tokens_out",
        "cost", "latency_ms",
    )  # fmt: skip

    @admin.display(description=_("mean time in ms"))
    def mean_ms(self, obj: Usage) -> int | None:
        return round(obj.latency_ms / obj.requests) if obj.requests else None
