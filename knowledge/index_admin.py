"""The state of search indexes: how many entries have vectors, and whether more come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import admin, messages
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.scoped_admin import RecordAdmin
from knowledge import embedders, embeddings
from knowledge.models import KnowledgeIndex

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django_stubs_ext import StrOrPromise


@admin.register(KnowledgeIndex)
class KnowledgeIndexAdmin(RecordAdmin):
    """Is everything there by which questions find their answers?"""

    list_display = ("name", "vectors", "state", "vectors_model")
    fields = readonly_fields = ("name", "vectors", "state", "vectors_model")
    search_fields = ("name",)
    ordering = ("name",)
    actions = ("compute_again",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return embeddings.with_progress(super().get_queryset(request))

    @admin.display(description=_("entries with vectors"))
    def vectors(self, account: Any) -> StrOrPromise:
        counts = {"there": account.encoded_count, "total": account.entry_count}
        return _("%(there)d of %(total)d") % counts

    @admin.display(description=_("state"))
    def state(self, account: KnowledgeIndex) -> StrOrPromise:
        if settings.EMBEDDINGS == embedders.OFF or not account.vectors_model:
            return _("words alone")
        if account.knowledge_version > account.vectors_version:
            return _("being computed")
        return _("complete")

    @admin.action(description=_("Compute the vectors again"), permissions=["edit"])
    def compute_again(
        self, request: HttpRequest, queryset: QuerySet[KnowledgeIndex]
    ) -> None:
        accounts: list[Any] = self.editable(request, queryset)
        embeddings.forget(accounts)
        text = ngettext(
            "The vectors of %d account are computed again.",
            "The vectors of %d accounts are computed again.",
            len(accounts),
        )
        self.message_user(request, text % len(accounts), messages.SUCCESS)
