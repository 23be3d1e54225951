"""Why people were needed and what came of it; and the rules for where it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from accounts.confirming import confirmed, each
from accounts.scoped_admin import OWNER, SUPPORT, RecordAdmin, ScopedAdmin
from conversations.asking_admin import ask_again, asks_again
from core.admin import WhenFilter, among
from core.text import truncate
from escalation import destinations, services
from escalation import overview as overview
from escalation.ladder import AlertStep
from escalation.letters import LetterStep
from escalation.models import (
    Alert,
    Escalation,
    IncomingMail,
    Letter,
    Note,
    Rung,
    Ticket,
)
from escalation.notes import NoteStep
from integrations import errands

if TYPE_CHECKING:
    from django.http import HttpRequest


#: Where a CRM's person asked.
AGENT_TYPES = {
    "customer": _("Customer"),
    "support": _("Support"),
    "test": _("Trying out"),
}


@admin.register(Escalation)
class EscalationAdmin(RecordAdmin):
    """Who needed a person, why, and who takes care?"""

    viewers: ClassVar[tuple[str, ...]] = (OWNER, SUPPORT)
    list_display = (
        "created_at",
        "contact",
        "short_question",
        "story",
        "reason",
        "state",
        "acknowledged_by",
        "ticket",
    )
    list_filter = (
        "state",
        "reason",
        among("agent_type", _("agent"), AGENT_TYPES.items),
        WhenFilter,
    )
    list_select_related = (
        "conversation__contact",
        "question",
        "ticket",
        "acknowledged_by",
        "account",
    )
    search_fields = ("name", "email", "agent_id", "question__text")
    ordering = ("-id",)
    actions = ("ask_again",)
    export_fields = (
        "uuid", "created_at", "conversation__uuid", "reason", "state", "confidence",
        "question__text", "name", "email", "agent_id", "agency", "office", "opened_at",
        "acknowledged_at", "acknowledged_by__username",
    )  # fmt: skip
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

    def label(self, row: Escalation) -> str:
        return f"{row.contact_name}: {truncate(row.question.text, 60)}"

    @asks_again
    def ask_again(self, request: HttpRequest, rows: list[Any]) -> int:
        return ask_again(self, request, rows, lambda row: row.question)

    @admin.display(description=_("why"))
    def story(self, obj: Escalation) -> str:
        address = reverse("admin:ai_model_turn_of_message", args=[obj.question_id])
        return format_html('<a href="{}">{}</a>', address, _("Why?"))

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

    @confirmed(
        description=_("Send again what has failed"),
        effect=_("What has failed, or may not have arrived, is tried once more."),
        done=ngettext_lazy("%d is sent again.", "%d are sent again."),
    )
    def send_again(self, request: HttpRequest, rows: list[Any]) -> int:
        troubled = [row for row in rows if row.has_trouble]
        return each(self, request, troubled, self.again)


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
    list_filter = ("state", WhenFilter)
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
    list_filter = ("state", WhenFilter)
    list_display = ("created_at", "ticket", "email", "kind", "state", "error")
    list_select_related = ("ticket", "account")
    search_fields = ("ticket__email", "error")

    @admin.display(description=_("e-mail"))
    def email(self, obj: Letter) -> str:
        return obj.ticket.email

    @admin.display(description=_("kind"))
    def kind(self, obj: Letter) -> str:
        return str(_("Confirmation") if obj.is_confirmation else _("Reply"))


@admin.register(Note)
class NoteAdmin(ErrandAdmin):
    """Did the customer's later words get onto the ticket at the desk?"""

    step = NoteStep.name
    list_filter = ("state", WhenFilter)
    list_display = ("created_at", "ticket", "words", "state", "error")
    list_select_related = ("ticket", "message", "account")
    search_fields = ("ticket__external_id", "error")

    @admin.display(description=_("text"))
    def words(self, obj: Note) -> str:
        return truncate(obj.message.text, 100)


@admin.register(IncomingMail)
class IncomingMailAdmin(RecordAdmin):
    """What was answered to our e-mails, and what became of it?"""

    viewers: ClassVar[tuple[str, ...]] = (OWNER, SUPPORT)
    list_display = ("created_at", "ticket", "sender", "subject", "words", "kind")
    list_filter = ("kind", WhenFilter)
    list_select_related = ("ticket", "account")
    search_fields = ("sender", "subject", "ticket__told")
    ordering = ("-id",)
    exclude = ("account", "digest")

    @admin.display(description=_("text"))
    def words(self, obj: IncomingMail) -> str:
        return truncate(obj.text, 100)


@admin.register(Alert)
class AlertAdmin(ErrandAdmin):
    """Was staff told?"""

    step = AlertStep.name
    list_filter = (
        "state",
        among("destination", _("destination"), destinations.choices),
        WhenFilter,
    )
    list_display = ("created_at", "contact", "destination", "state", "error")
    list_select_related = (
        "escalation__conversation__contact",
        "account",
    )
    search_fields = ("error", "destination")

    @admin.display(description=_("customer"))
    def contact(self, obj: Alert) -> str:
        return obj.escalation.contact_name


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
