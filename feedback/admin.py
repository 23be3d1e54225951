"""What contacts said of the assistant's replies."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from accounts.scoped_admin import OWNER, SUPPORT, RecordAdmin
from core.admin import WhenFilter, among
from core.text import truncate
from feedback.models import Feedback

#: Where a CRM's person rated.
AGENT_TYPES = {
    "customer": _("Customer"),
    "support": _("Support"),
    "test": _("Trying out"),
}


@admin.register(Feedback)
class FeedbackAdmin(RecordAdmin):
    """Which reply was helpful to whom, and which was not?"""

    viewers: ClassVar[tuple[str, ...]] = (OWNER, SUPPORT)
    list_display = (
        "created_at",
        "contact",
        "rating",
        "short_text",
        "short_comment",
        "story",
    )
    list_filter = (
        "rating",
        among("agent_type", _("agent"), AGENT_TYPES.items),
        WhenFilter,
    )
    list_select_related = ("conversation__contact", "message", "account")
    search_fields = ("comment", "name", "email", "external_id")
    ordering = ("-id",)
    fields = (
        "conversation",
        "message",
        "whole_text",
        "rating",
        "comment",
        "agent_type",
        "name",
        "email",
        "external_id",
        "uuid",
        "created_at",
    )
    readonly_fields = ("whole_text",)
    export_fields = (
        "uuid", "created_at", "conversation__uuid", "message__text", "rating", "comment",
        "agent_type", "name", "email",
    )  # fmt: skip

    def label(self, row: Feedback) -> str:
        return f"{self.contact(row)}: {truncate(row.message.text, 60)}"

    @admin.display(description=_("why"))
    def story(self, obj: Feedback) -> str:
        address = reverse("admin:ai_model_turn_of_message", args=[obj.message_id])
        return format_html('<a href="{}">{}</a>', address, _("Why?"))

    @admin.display(description=_("customer"))
    def contact(self, obj: Feedback) -> str:
        return obj.name or obj.conversation.contact.label

    @admin.display(description=_("text"))
    def short_text(self, obj: Feedback) -> str:
        return truncate(obj.message.text, 100)

    @admin.display(description=_("comment"))
    def short_comment(self, obj: Feedback) -> str:
        return truncate(obj.comment, 100)

    @admin.display(description=_("text"))
    def whole_text(self, obj: Feedback) -> str:
        return obj.message.text
