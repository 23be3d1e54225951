"""Why people were needed and what came of it; and the rules for where it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.scoped_admin import OWNER, SUPPORT, RecordAdmin, ScopedAdmin
from core.exceptions import AppError
from core.text import truncate
from escalation import services
from escalation.ladder import AlertStep
from escalation.letters import LetterStep
from escalation.models import Alert, Escalation, Letter, Rung, Ticket
from integrations import errands

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest


@admin.register(Escalation)
class EscalationAdmin(RecordAdmin):
    """Who needed a person, why, and who takes care?"""

    viewers: ClassVar[tuple[str, ...]] = (OWNER, SUPPORT)
    list_display = (
        "created_at",
        "contact",
        "reason",
        "state",
        "ticket",
        "acknowledged_by",
        "short_question",
    )
    list_filter = ("state", "reason", "agent_type")
    list_select_related = (
        "conversation__contact",
        "question",
        "ticket",
        "acknowledged_by",
        "account",
    )
    search_fields = ("name", "email", "agent_id", "question__text")
    ordering = ("-id",)
    fields = (
        "on_desk",
        "conversation",
        "whole_question",
        "whole_reply",
        "shown",
        "reason",
        "state",
        "confidence",
        "ticket",
        "name",
        "email",
        "agent_id",
        "agency",
        "office",
        "agent_type",
        "opened_at",
        "acknowledged_at",
        "acknowledged_by",
        "due_at",
        "uuid",
        "created_at",
    )
    readonly_fields = ("on_desk", "whole_question", "whole_reply", "ticket")

    @admin.display(description=_("customer"))
    def contact(self, obj: Escalation) -> str:
        return obj.contact_name

    @admin.display(description=_("question"))
    def short_question(self, obj: Escalation) -> str:
        return truncate(obj.question.text, 100)

    @admin.display(description=_("question"))
    def whole_question(self, obj: Escalation) -> str:
        return obj.question.text

    @admin.display(description=_("reply"))
    def whole_reply(self, obj: Escalation) -> str:
        return obj.reply.text if obj.reply else "–"

    @admin.display(description=_("ticket"))
    def ticket(self, obj: Escalation) -> str:
        found: Ticket | None = getattr(obj, "ticket", None)
        if found is None:
            return "–"
        address = reverse("admin:escalation_ticket_change", args=[found.pk])
        return format_html('<a href="{}">{}</a>', address, found)

    @admin.display(description=_("on the live desk"))
    def on_desk(self, obj: Escalation) -> str:
        address = reverse("desk-conversation", args=[obj.conversation.uuid])
        return format_html('<a href="{}">{}</a>', address, _("Open the conversation"))


class ErrandAdmin(RecordAdmin):
    """Something that had to leave: did it, and if not, why?"""

    viewers: ClassVar[tuple[str, ...]] = (OWNER, SUPPORT)
    ordering = ("-id",)
    exclude = ("account", "worker")
    actions = ("send_again",)
    #: Which of the worker's steps tries it.
    step: ClassVar[str] = ""

    def again(self, row: Any) -> None:
        """Have one tried once more; raises `AppError`."""
        errands.send_again(self.model._default_manager.filter(pk=row.pk), self.step)

    @admin.action(description=_("Send again what has failed"), permissions=["edit"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        count = 0
        for row in self.editable(request, queryset):
            try:
                self.again(row)
            except AppError as exc:
                self.message_user(request, f"{row}: {exc}", messages.WARNING)
            else:
                count += row.has_trouble
        text = ngettext("%d is sent again.", "%d are sent again.", count)
        self.message_user(request, text % count, messages.SUCCESS)


@admin.register(Ticket)
class TicketAdmin(ErrandAdmin):
    """Does the desk have it, and what does the customer call it?"""

    list_display = (
        "created_at",
        "number",
        "told",
        "contact",
        "desk",
        "state",
        "on_desk",
        "error",
    )
    list_filter = ("state", "desk_status")
    list_select_related = ("escalation__conversation__contact", "desk", "account")
    search_fields = ("external_id", "told", "email", "error")

    def again(self, row: Ticket) -> None:
        services.send_ticket_again(ticket=row)

    @admin.display(description=_("customer"))
    def contact(self, obj: Ticket) -> str:
        return obj.escalation.contact_name

    @admin.display(description=_("number on the desk"))
    def on_desk(self, obj: Ticket) -> str:
        if not obj.url:
            return "–"
        return format_html('<a href="{}">#{}</a>', obj.url, obj.external_id)


@admin.register(Letter)
class LetterAdmin(ErrandAdmin):
    """Did the customer get the e-mail?"""

    step = LetterStep.name
    list_filter = ("state",)
    list_display = ("created_at", "ticket", "email", "kind", "state", "error")
    list_select_related = ("ticket", "account")
    search_fields = ("ticket__email", "error")

    @admin.display(description=_("e-mail"))
    def email(self, obj: Letter) -> str:
        return obj.ticket.email

    @admin.display(description=_("kind"))
    def kind(self, obj: Letter) -> str:
        return str(_("Confirmation") if obj.is_confirmation else _("Reply"))


@admin.register(Alert)
class AlertAdmin(ErrandAdmin):
    """Was staff told?"""

    step = AlertStep.name
    list_filter = ("state", "destination")
    list_display = ("created_at", "escalation", "destination", "state", "error")
    list_select_related = ("escalation", "account")


@admin.register(Rung)
class RungAdmin(ScopedAdmin):
    """Where does an escalation go, and how long do we wait for somebody to take it?"""

    list_display = ("reason_or_every", "position", "destination", "wait_minutes")
    list_filter = ("reason", "destination")
    list_select_related = ("account",)
    ordering = ("account", "reason", "position")
    fields = ("account", "reason", "position", "destination", "wait_minutes")

    @admin.display(description=_("reason"), ordering="reason")
    def reason_or_every(self, obj: Rung) -> str:
        return str(obj.get_reason_display() or _("every reason"))
