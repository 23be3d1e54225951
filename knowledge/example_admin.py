"""Learned questions: reviewed one by one, or many at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from accounts.confirming import confirmed
from accounts.scoped_admin import ScopedAdmin
from core.admin import WhenFilter
from knowledge.learning import approve, forget, reject
from knowledge.models import Example

if TYPE_CHECKING:
    from django.http import HttpRequest


_DONE = ngettext_lazy("%d question was changed.", "%d questions were changed.")


@admin.register(Example)
class ExampleAdmin(ScopedAdmin):
    """What did customers ask, and may the search learn from it?"""

    can_add = can_change = False
    # Most are learned; what people do with them are actions.
    is_on_trail = False
    list_display = ("text", "entry", "origin", "status", "created_at")
    list_filter = ("status", "origin", WhenFilter)
    list_select_related = ("entry__account", "reviewed_by")
    search_fields = ("text", "entry__title", "entry__external_id")
    fields = readonly_fields = (
        "text", "entry", "origin", "status", "reviewed_by", "reference", "created_at",
    )  # fmt: skip
    ordering = ("-created_at", "-pk")
    actions = ("approve", "reject")

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        forget(examples=[obj])

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        forget(examples=self.editable(request, queryset))

    @confirmed(
        description=_("Approve selected questions"),
        effect=_("Whoever asks like this finds its entry from now on."),
        done=_DONE,
    )
    def approve(self, request: HttpRequest, rows: list[Any]) -> int:
        user: Any = request.user
        return approve(examples=rows, user=user)

    @confirmed(
        description=_("Reject selected questions"),
        effect=_("The search does not learn from them, and they are not asked anew."),
        done=_DONE,
    )
    def reject(self, request: HttpRequest, rows: list[Any]) -> int:
        user: Any = request.user
        return reject(examples=rows, user=user)
