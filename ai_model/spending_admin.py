"""What models cost and may cost, in the administration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.scoped_admin import ModelAdmin, RecordAdmin, is_superuser
from ai_model import control, pricing, spending
from ai_model.models import Price, SpendingNotice
from ai_model.models.spending import amount_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from ai_model.models import Assistant
    from ai_model.spending import Standing


def spending_lines(assistant: Assistant) -> SafeString:
    """How the assistant's limits stand, and which models no limit in money stops."""
    found = spending.standings_of(assistant)
    lines = [standing_text(each) for each in found] or [gettext("There is no limit.")]
    lines += [
        gettext("%(model)s has no price: no limit in money stops it.") % {"model": name}
        for _provider, name in control.unpriced(assistant)
    ]
    return format_html_join("", "<p>{}</p>", ((line,) for line in lines))


def warnings(assistant: Assistant) -> Iterator[str]:
    """What the owner should know of the limits before anything else."""
    for each in spending.standings_of(assistant):
        if each.state == SpendingNotice.Level.REACHED:
            text = gettext("The spending limit is reached, no model is asked: %(how)s")
            yield text % {"how": standing_text(each)}
        elif each.state == SpendingNotice.Level.WARNING:
            text = gettext("The spending limit is nearly reached: %(how)s")
            yield text % {"how": standing_text(each)}


def standing_text(standing: Standing) -> str:
    """As in “4.2 of 5 US dollars per day are spent (84 %), 0.01 reserved.”"""
    text = gettext(
        "%(spent)s of %(limit)s %(unit)s per %(period)s are spent (%(percent)s %%),"
        " %(reserved)s reserved."
    )
    return text % {
        "spent": amount_text(standing.spent),
        "limit": amount_text(standing.limit),
        "unit": SpendingNotice.Unit(standing.unit).label,
        "period": SpendingNotice.Period(standing.period).label,
        "percent": f"{standing.share * 100:.0f}",
        "reserved": amount_text(standing.reserved),
    }


@admin.register(Price)
class PriceAdmin(ModelAdmin):
    """What does a model cost from when on? For whoever runs the installation."""

    list_display = ("model", "provider", "valid_from", "price_in", "price_out")
    list_filter = ("provider",)
    search_fields = ("model",)
    ordering = ("provider", "model", "-valid_from")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: Any
    ) -> None:
        super().save_model(request, obj, form, change)
        # Other processes look by themselves.
        pricing.forget()


@admin.register(SpendingNotice)
class SpendingNoticeAdmin(RecordAdmin):
    """Which limits were nearly or wholly spent, and were the owners told?"""

    list_display = (
        "starts_on",
        "level",
        "amount_text",
        "unit",
        "period",
        "spent_text",
        "told_at",
    )
    list_filter = ("level", "period")
    list_select_related = ("account",)
    search_fields = ("account__name",)
    ordering = ("-pk",)

    @admin.display(description=_("limit"), ordering="amount")
    def amount_text(self, obj: SpendingNotice) -> str:
        return obj.amount_text

    @admin.display(description=_("spent"), ordering="spent")
    def spent_text(self, obj: SpendingNotice) -> str:
        return obj.spent_text
