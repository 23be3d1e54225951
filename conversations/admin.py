"""Conversations, messages and deliveries: what was said, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from accounts.confirming import confirmed, each
from accounts.scoped_admin import (
    OWNER,
    SEARCHED,
    SUPPORT,
    OwnRowsFilter,
    RecordAdmin,
)
from conversations import link_admin as link_admin
from conversations import overview as overview
from conversations import services
from conversations.asking_admin import ask_again, asks_again
from conversations.models import Contact, Conversation, Delivery, Message
from conversations.reasons import REASONS
from conversations.templatetags.desk import percent
from conversations.templatetags.desk import reason as reason_text
from core.admin import WhenFilter, among, when
from core.text import truncate

if TYPE_CHECKING:
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
    export_fields = (
        "uuid", "created_at", "channel__name", "external_id", "name", "email", "profile",
    )  # fmt: skip


_DONE_HANDED = ngettext_lazy(
    "%d conversation was handed over.", "%d conversations were handed over."
)


@admin.register(Conversation)
class ConversationAdmin(ReadableBySupport):
    """Who replies, and since when does somebody wait?"""

    list_display = (
        "contact",
        "short_text",
        "last_message_at",
        "needs_person",
        "status",
        "why",
        "unread",
        "assigned_to",
        "channel",
    )
    list_filter = (
        "status",
        "needs_person",
        ("assigned_to", admin.EmptyFieldListFilter),
        when("last_message_at"),
        ("channel", OwnRowsFilter),
    )
    list_select_related = ("contact", "channel", "assigned_to", "account")
    search_fields = ("contact__name", "contact__email", "external_id")
    ordering = ("-last_message_at", "-id")
    actions = ("hand_off", "hand_back", "close")
    export_fields = (
        "uuid", "created_at", "channel__name", "contact__name", "contact__email",
        "status", "status_reason", "needs_person", "assigned_to__username", "lang",
        "last_message_at", "last_text",
    )  # fmt: skip
    fieldsets = (
        (None, {"fields": ("on_desk", "contact", "channel", "status", "why")}),
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
    readonly_fields = ("on_desk", "why", "latest_messages", "all_messages")

    def label(self, row: Conversation) -> str:
        return f"{row.contact.label}: {truncate(row.last_text, 60)}"

    @admin.display(description=_("reason"))
    def why(self, obj: Conversation) -> str:
        return reason_text(obj.status_reason)

    @admin.display(description=_("text"))
    def short_text(self, obj: Conversation) -> str:
        return truncate(obj.last_text, 80)

    @admin.display(description=_("on the live desk"))
    def on_desk(self, obj: Conversation) -> str:
        address = reverse("desk-conversation", args=[obj.uuid])
        return format_html('<a href="{}">{}</a>', address, _("Open the conversation"))

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

    @confirmed(
        description=_("Hand off to support"),
        effect=_(
            "People reply from now on. The assistant says nothing more there, not even"
            " what it has begun to write, and you are noted as the one who replies."
        ),
        done=_DONE_HANDED,
    )
    def hand_off(self, request: HttpRequest, rows: list[Any]) -> int:
        for row in rows:
            services.hand_off(
                conversation=row, reason="taken_over", user=_user(request)
            )
        return len(rows)

    @confirmed(
        description=_("Hand back to the assistant"),
        effect=_(
            "The assistant replies to what customers write from now on. What they have"
            " written so far is not answered by it."
        ),
        done=_DONE_HANDED,
    )
    def hand_back(self, request: HttpRequest, rows: list[Any]) -> int:
        for row in rows:
            services.hand_back(conversation=row, reason="handed_back")
        return len(rows)

    @confirmed(
        description=_("Close"),
        effect=_(
            "What still waits there is not answered any more, and open escalations end."
            " Each begins anew when its customer writes again."
        ),
        done=ngettext_lazy(
            "%d conversation was closed.", "%d conversations were closed."
        ),
    )
    def close(self, request: HttpRequest, rows: list[Any]) -> int:
        for row in rows:
            services.close(conversation=row, reason="closed_by_person")
        return len(rows)


@admin.register(Message)
class MessageAdmin(ReadableBySupport):
    """What was said, by whom, and what became of it?"""

    list_display = (
        "created_at",
        "contact",
        "author",
        "short_text",
        "story",
        "state",
        "reason_in_words",
        "sureness",
    )
    list_filter = (
        "state",
        "author",
        among("reason", _("reason"), REASONS.items),
        WhenFilter,
    )
    list_select_related = ("conversation__contact", "account")
    search_fields = ("text", "external_id")
    searches_newest = SEARCHED
    search_help_text = format_lazy(_("Searches the newest {count}."), count=SEARCHED)
    ordering = ("-id",)
    actions = ("ask_again",)
    export_fields = (
        "uuid", "created_at", "conversation__uuid", "conversation__channel__name",
        "conversation__contact__name", "author", "user__username", "text", "state",
        "reason", "confidence", "latency_ms",
    )  # fmt: skip
    fields = (
        "conversation",
        "story",
        "author",
        "user",
        "text",
        "state",
        "reason_in_words",
        "confidence",
        "sources",
        "latency_ms",
        "external_id",
        "uuid",
        "created_at",
    )

    readonly_fields = ("story", "reason_in_words")

    def label(self, row: Message) -> str:
        return f"{row.conversation.contact.label}: {truncate(row.text, 60)}"

    @admin.display(description=_("customer"))
    def contact(self, obj: Message) -> str:
        return obj.conversation.contact.label

    @admin.display(description=_("reason"), ordering="reason")
    def reason_in_words(self, obj: Message) -> str:
        return reason_text(obj.reason)

    @admin.display(description=_("confidence"))
    def sureness(self, obj: Message) -> str:
        return "–" if obj.confidence is None else percent(obj.confidence)

    @admin.display(description=_("why"))
    def story(self, obj: Message) -> str:
        address = reverse("admin:ai_model_turn_of_message", args=[obj.pk])
        return format_html('<a href="{}">{}</a>', address, _("Why?"))

    @asks_again
    def ask_again(self, request: HttpRequest, rows: list[Any]) -> int:
        return ask_again(self, request, rows, lambda row: row)

    @admin.display(description=_("text"))
    def short_text(self, obj: Message) -> str:
        return truncate(obj.text, 100)


@admin.register(Delivery)
class DeliveryAdmin(RecordAdmin):
    """Did it reach the provider, and if not, why?"""

    list_display = (
        "created_at",
        "channel",
        "contact",
        "kind",
        "short_text",
        "state",
        "attempts",
        "error",
    )
    list_filter = ("state", "kind", WhenFilter)
    list_select_related = (
        "conversation__channel",
        "conversation__contact",
        "account",
    )
    search_fields = ("external_id", "error")
    ordering = ("-id",)
    exclude = ("account", "worker")
    actions = ("retry",)

    def label(self, row: Delivery) -> str:
        return f"{row.conversation.contact.label}: {truncate(row.text, 60)}"

    @admin.display(description=_("customer"))
    def contact(self, obj: Delivery) -> str:
        return obj.conversation.contact.label

    @admin.display(description=_("text"))
    def short_text(self, obj: Delivery) -> str:
        return truncate(obj.text, 60)

    @admin.display(description=_("channel"))
    def channel(self, obj: Delivery) -> str:
        return str(obj.conversation.channel)

    @confirmed(
        description=_("Send failed parts again"),
        effect=_("What has failed is sent to the provider once more, at once."),
        done=ngettext_lazy("%d part is sent again.", "%d parts are sent again."),
    )
    def retry(self, request: HttpRequest, rows: list[Any]) -> int:
        return each(
            self, request, rows, lambda row: services.retry_delivery(delivery=row)
        )


def _user(request: HttpRequest) -> Any:
    return request.user
