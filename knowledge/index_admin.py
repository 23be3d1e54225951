"""The state of search indexes: how many entries have vectors, and whether more come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from accounts.confirming import confirmed
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

    @confirmed(
        description=_("Compute the vectors again"),
        effect=_(
            "Until they are there, questions find entries by their words alone. With"
            " a service for vectors, computing them costs money."
        ),
        done=ngettext_lazy(
            "The vectors of %d account are computed again.",
            "The vectors of %d accounts are computed again.",
        ),
    )
    def compute_again(self, request: HttpRequest, rows: list[Any]) -> int:
        embeddings.forget(rows)
        return len(rows)
