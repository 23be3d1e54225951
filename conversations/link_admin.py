"""Links that verify e-mail addresses, and what became of them."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from accounts.scoped_admin import OWNER, SUPPORT, RecordAdmin
from conversations.models import VerificationLink


@admin.register(VerificationLink)
class VerificationLinkAdmin(RecordAdmin):
    """Did the link leave, and was it opened?"""

    viewers: ClassVar[tuple[str, ...]] = (OWNER, SUPPORT)
    list_display = ("created_at", "contact", "email", "state", "is_opened", "error")
    list_filter = ("state",)
    list_select_related = ("contact", "account")
    search_fields = ("email", "contact__name")
    exclude = ("account", "worker", "must_look")
    ordering = ("-id",)

    @admin.display(description=_("verified"), boolean=True)
    def is_opened(self, obj: VerificationLink) -> bool:
        return obj.opened_at is not None
