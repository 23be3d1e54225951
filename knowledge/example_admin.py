"""Learned questions: reviewed one by one, or many at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.scoped_admin import ScopedAdmin
from knowledge.learning import approve, forget, reject
from knowledge.models import Example

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet
    from django.http import HttpRequest


@admin.register(Example)
class ExampleAdmin(ScopedAdmin):
    """What did customers ask, and may the search learn from it?"""

    can_add = can_change = False
    list_display = ("text", "entry", "origin", "status", "created_at")
    list_filter = ("status", "origin")
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

    @admin.action(description=_("Approve selected questions"), permissions=["edit"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Example]) -> None:
        self._review(request, queryset, approve)

    @admin.action(description=_("Reject selected questions"), permissions=["edit"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Example]) -> None:
        self._review(request, queryset, reject)

    def _review(
        self,
        request: HttpRequest,
        queryset: QuerySet[Example],
        decide: Callable[..., int],
    ) -> None:
        user: Any = request.user
        count = decide(examples=self.editable(request, queryset), user=user)
        text = ngettext("%d question was changed.", "%d questions were changed.", count)
        self.message_user(request, text % count, messages.SUCCESS)
