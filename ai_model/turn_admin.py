"""Turns: why it was answered so, and whether that was right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import Http404
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.html import format_html_join
from django.utils.text import format_lazy
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.confirming import confirmed, each
from accounts.scoped_admin import SEARCHED, RecordAdmin
from ai_model import providers, why
from ai_model.judging import record_judgement
from ai_model.models import Judgement, Turn
from conversations.models import Message
from conversations.reasons import REASONS
from conversations.templatetags.desk import percent
from conversations.templatetags.desk import reason as reason_text
from core.admin import WhenFilter, among
from core.text import truncate

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern


def provider_names() -> list[tuple[str, str]]:
    """The providers that a list can be filtered by."""
    return [(key, key) for key in providers.REGISTRY]


_DONE_JUDGED = ngettext_lazy("%d turn was judged.", "%d turns were judged.")
_EFFECT_JUDGED = _("How sure the assistant says to be is learned from your judgement.")


@admin.register(Turn)
class TurnAdmin(RecordAdmin):
    """Why was it answered so?"""

    list_display = (
        "created_at",
        "short_query",
        "state",
        "reason_in_words",
        "sureness",
        "was_right",
        "contact",
        "provider",
        "model",
        "total_ms",
    )
    list_filter = (
        "state",
        among("reason", _("reason"), REASONS.items),
        among("provider", _("provider"), provider_names),
        "judgement__right",
        WhenFilter,
    )
    list_select_related = ("conversation__contact", "account", "judgement")
    search_fields = ("query",)
    searches_newest = SEARCHED
    search_help_text = format_lazy(_("Searches the newest {count}."), count=SEARCHED)
    ordering = ("-id",)
    actions = ("mark_right", "mark_wrong")
    fields = ("conversation", "reply", "explanation", "created_at", "uuid")
    readonly_fields = ("explanation",)
    export_fields = (
        "uuid", "created_at", "conversation__uuid", "state", "reason", "query",
        "confidence", "threshold", "provider", "model", "tokens_in", "tokens_out", "cost",
    )  # fmt: skip

    def label(self, row: Turn) -> str:
        return f"{row.conversation.contact.label}: {truncate(row.query, 60)}"

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(require_safe(self.of_message))
        name = "ai_model_turn_of_message"
        return [path("of-message/<int:key>/", page, name=name), *super().get_urls()]

    def of_message(self, request: HttpRequest, key: int) -> HttpResponse:
        """Why a message was, or was not, answered; for whoever may read it."""
        pages: Any = self.admin_site._registry[Message]
        message = pages.get_queryset(request).filter(pk=key).first()
        if message is None or not pages.has_view_permission(request, message):
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Why it ended so"),
            "opts": pages.opts,
            "message": message,
            "lines": why.explain(message).lines,
            "may_ask_again": pages.may_edit(request, message)
            and message.author == Message.Author.CONTACT
            and message.state in (Message.State.FAILED, Message.State.HANDED_OVER),
        }
        return TemplateResponse(request, "admin/ai_model/turn/of_message.html", context)

    @admin.display(description=_("question"))
    def short_query(self, obj: Turn) -> str:
        return truncate(obj.query, 80)

    @admin.display(description=_("reason"), ordering="reason")
    def reason_in_words(self, obj: Turn) -> str:
        return reason_text(obj.reason)

    @admin.display(description=_("confidence"))
    def sureness(self, obj: Turn) -> str:
        return "–" if obj.confidence is None else percent(obj.confidence)

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

    @confirmed(
        description=_("The best entry found was right"),
        effect=_EFFECT_JUDGED,
        done=_DONE_JUDGED,
    )
    def mark_right(self, request: HttpRequest, rows: list[Any]) -> int:
        return self._mark(request, rows, right=True)

    @confirmed(
        description=_("The best entry found was wrong"),
        effect=_EFFECT_JUDGED,
        done=_DONE_JUDGED,
    )
    def mark_wrong(self, request: HttpRequest, rows: list[Any]) -> int:
        return self._mark(request, rows, right=False)

    def _mark(self, request: HttpRequest, rows: list[Any], *, right: bool) -> int:
        user: Any = request.user

        def judge(row: Turn) -> None:
            record_judgement(
                turn=row, right=right, origin=Judgement.Origin.STAFF, user=user
            )

        return each(self, request, rows, judge)

    @admin.display(description=_("why"))
    def explanation(self, obj: Turn) -> str:
        return format_html_join(
            "", "<p>{}</p>", ((line,) for line in why.explain_turn(obj))
        )
