"""Conversations, messages and deliveries: what was said, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.scoped_admin import OWNER, SUPPORT, OwnRowsFilter, RecordAdmin
from conversations import link_admin as link_admin
from conversations import services
from conversations.models import Contact, Conversation, Delivery, Message
from core.exceptions import AppError
from core.text import truncate

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet
    from django.http import HttpRequest

#: Messages shown on a conversation's page.
LATEST = 20


class ReadableBySupport(RecordAdmin):
    """What support staff may read here as well; they act on the desk."""

    viewers: ClassVar[tuple[str, ...]] = (OWNER, SUPPORT)


@admin.register(Contact)
class ContactAdmin(ReadableBySupport):
    """Who is it, and where do they write?"""

    list_display = ("label", "email", "channel", "created_at")
    list_filter = (("channel", OwnRowsFilter),)
    list_select_related = ("channel", "account")
    search_fields = ("name", "email", "external_id")
    ordering = ("-id",)
    exclude = ("account",)


@admin.register(Conversation)
class ConversationAdmin(ReadableBySupport):
    """Who replies, and since when does somebody wait?"""

    list_display = (
        "contact",
        "channel",
        "status",
        "needs_person",
        "assigned_to",
        "last_message_at",
        "last_text",
    )
    list_filter = (
        "status",
        "needs_person",
        ("channel", OwnRowsFilter),
    )
    list_select_related = ("contact", "channel", "assigned_to", "account")
    search_fields = ("contact__name", "contact__email", "external_id")
    ordering = ("-last_message_at", "-id")
    actions = ("hand_off", "hand_back")
    fieldsets = (
        (None, {"fields": ("contact", "channel", "status", "status_reason")}),
        (None, {"fields": ("assigned_to", "needs_person", "waiting_since", "unread")}),
        (_("Messages"), {"fields": ("latest_messages", "all_messages")}),
        (
            _("Technical"),
            {
                "fields": (
                    "uuid",
                    "external_id",
                    "lang",
                    "epoch",
                    "attempts",
                    "created_at",
                ),
                "classes": ("collapse",),
            },
        ),
    )
    readonly_fields = ("latest_messages", "all_messages")

    @admin.display(description=_("latest"))
    def latest_messages(self, obj: Conversation) -> str:
        rows = reversed(obj.messages.order_by("-pk")[:LATEST])
        return format_html_join(
            "",
            '<p><a href="{}"><strong>{}</strong> {}</a><br>{}</p>',
            (
                (
                    reverse("admin:conversations_message_change", args=[row.pk]),
                    row.get_author_display(),
                    row.get_state_display(),
                    truncate(row.text, 500),
                )
                for row in rows
            ),
        )

    @admin.display(description=_("all"))
    def all_messages(self, obj: Conversation) -> str:
        address = reverse("admin:conversations_message_changelist")
        return format_html(
            '<a href="{}?conversation__id__exact={}">{}</a>',
            address,
            obj.pk,
            _("All messages of this conversation"),
        )

    @admin.action(description=_("Hand off to support"), permissions=["edit"])
    def hand_off(self, request: HttpRequest, queryset: QuerySet[Conversation]) -> None:
        def act(row: Any) -> Any:
            return services.hand_off(
                conversation=row, reason="taken_over", user=_user(request)
            )

        self._act(request, queryset, act)

    @admin.action(description=_("Hand back to the assistant"), permissions=["edit"])
    def hand_back(self, request: HttpRequest, queryset: QuerySet[Conversation]) -> None:
        def act(row: Any) -> Any:
            return services.hand_back(conversation=row, reason="handed_back")

        self._act(request, queryset, act)

    def _act(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        act: Callable[[Any], Any],
    ) -> None:
        rows = self.editable(request, queryset)
        for row in rows:
            act(row)
        text = ngettext(
            "%d conversation was handed over.",
            "%d conversations were handed over.",
            len(rows),
        )
        self.message_user(request, text % len(rows), messages.SUCCESS)


@admin.register(Message)
class MessageAdmin(ReadableBySupport):
    """What was said, by whom, and what became of it?"""

    list_display = (
        "created_at",
        "contact",
        "author",
        "short_text",
        "state",
        "reason",
        "confidence",
    )
    list_filter = ("author", "state")
    list_select_related = ("conversation__contact", "account")
    search_fields = ("text", "external_id")
    ordering = ("-id",)
    fields = (
        "conversation",
        "author",
        "user",
        "text",
        "state",
        "reason",
        "confidence",
        "sources",
        "latency_ms",
        "external_id",
        "uuid",
        "created_at",
    )

    @admin.display(description=_("customer"))
    def contact(self, obj: Message) -> str:
        return obj.conversation.contact.label

    @admin.display(description=_("text"))
    def short_text(self, obj: Message) -> str:
        return truncate(obj.text, 100)


@admin.register(Delivery)
class DeliveryAdmin(RecordAdmin):
    """Did it reach the provider, and if not, why?"""

    list_display = (
        "created_at",
        "channel",
        "kind",
        "part",
        "state",
        "attempts",
        "error",
    )
    list_filter = ("state", "kind")
    list_select_related = ("conversation__channel", "account")
    search_fields = ("external_id", "error")
    ordering = ("-id",)
    exclude = ("account", "worker")
    actions = ("retry",)

    @admin.display(description=_("channel"))
    def channel(self, obj: Delivery) -> str:
        return str(obj.conversation.channel)

    @admin.action(description=_("Send failed parts again"), permissions=["edit"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        count = 0
        for row in self.editable(request, queryset):
            try:
                services.retry_delivery(delivery=row)
            except AppError as exc:
                self.message_user(request, f"{row}: {exc}", messages.WARNING)
            else:
                count += 1
        text = ngettext("%d part is sent again.", "%d parts are sent again.", count)
        self.message_user(request, text % count, messages.SUCCESS)


def _user(request: HttpRequest) -> Any:
    return request.user
