"""Escalation: why a person was needed, and what came of it. Rung, Alert: who is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.scoping import AccountQuerySet
from conversations.models import Conversation, Message
from core.models import UUIDModel
from escalation import destinations
from escalation.reasons import Reason
from integrations.errands import Errand

if TYPE_CHECKING:
    import datetime as dt


class EscalationQuerySet(AccountQuerySet["Escalation"]):
    """Escalations, by what is still to be done about them."""

    def pending(self) -> EscalationQuerySet:
        """Those that a person may still answer."""
        state = Escalation.State
        return self.filter(
            state__in=[state.OFFERED, state.OPEN, state.ACKNOWLEDGED, state.TICKET]
        )


class Escalation(UUIDModel):
    """Why one question needed a person, and what came of it.

    Whoever changes one holds its conversation's lock.
    """

    class State(models.TextChoices):
        #: The contact was offered a person or a ticket and has not said.
        OFFERED = "offered", _("Offered")
        #: A person is needed.
        OPEN = "open", _("Open")
        #: A person has seen it and takes care.
        ACKNOWLEDGED = "acknowledged", _("Taken")
        TICKET = "ticket", _("Ticket")
        #: The contact did not want it.
        DECLINED = "declined", _("Declined")
        #: A person has answered.
        ANSWERED = "answered", _("Answered by a person")
        #: The conversation was closed, or the question was asked again.
        CLOSED = "closed", _("Closed")

    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    conversation = models.ForeignKey(
        Conversation, models.CASCADE, related_name="escalations"
    )
    #: The contact's message that needed a person; of several answered at once the last.
    question = models.OneToOneField(
        Message, models.CASCADE, related_name="escalation", verbose_name=_("question")
    )
    #: What the assistant said to it; empty: it said nothing.
    reply = models.ForeignKey(
        Message,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("reply"),
    )
    #: What the contact was shown, as told by the CRM.
    shown = models.TextField(_("shown to the customer"), blank=True)
    reason = models.CharField(_("reason"), max_length=20, choices=Reason.choices)
    state = models.CharField(_("state"), max_length=12, choices=State.choices)
    #: Probability from 0 to 1 that the assistant's answer was right.
    confidence = models.FloatField(_("confidence"), null=True, blank=True)
    #: `customer`, `support` or `test` where a CRM asked.
    agent_type = models.CharField(_("agent"), max_length=10, blank=True)

    # The person, as told with the failure.
    agent_id = models.CharField(max_length=150, blank=True)
    name = models.CharField(_("name"), max_length=200, blank=True)
    email = models.CharField(_("e-mail"), max_length=254, blank=True)
    agency = models.CharField(_("agency"), max_length=200, blank=True)
    office = models.CharField(_("office"), max_length=200, blank=True)

    #: Since when a person is needed; empty: only offered so far.
    opened_at = models.DateTimeField(_("open since"), null=True, blank=True)
    acknowledged_at = models.DateTimeField(_("taken at"), null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("taken by"),
    )
    #: When the next rung is due, unless somebody takes it; empty: never.
    due_at = models.DateTimeField(null=True, blank=True)
    #: Rungs that were climbed.
    rung = models.PositiveSmallIntegerField(default=0)

    objects = EscalationQuerySet.as_manager()

    class Meta:
        verbose_name = _("escalation")
        verbose_name_plural = _("escalations")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(confidence__isnull=True)
                | models.Q(confidence__gte=0, confidence__lte=1),
                name="escalation_confidence_is_a_probability",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    state__in=[
                        "offered", "open", "acknowledged", "ticket", "declined",
                        "answered", "closed",
                    ]
                ),
                name="escalation_state_is_known",
            ),
        ]  # fmt: skip
        indexes: ClassVar = [
            models.Index(fields=["account", "-id"], name="escalation_by_account"),
            models.Index(
                fields=["conversation"],
                condition=models.Q(acknowledged_at__isnull=True),
                name="escalation_not_taken",
            ),
            models.Index(
                fields=["account", "-id"],
                condition=models.Q(state="open"),
                name="escalation_open",
            ),
            models.Index(
                fields=["due_at"],
                condition=models.Q(due_at__isnull=False),
                name="escalation_due",
            ),
        ]

    def __str__(self) -> str:
        return str(self.uuid)

    @property
    def can_be_taken(self) -> bool:
        """Whether a person is needed and nobody takes care yet."""
        is_wanted = self.state in (self.State.OPEN, self.State.TICKET)
        return is_wanted and self.acknowledged_at is None

    @property
    def contact_name(self) -> str:
        """The person's name, as told with the failure or before."""
        return self.name or self.conversation.contact.label

    def call_people(self, state: State, *, at: dt.datetime | None = None) -> None:
        """A person is needed from now on; from `at` on they are told.

        Nobody is called to what a developer tries out. The caller saves.
        """
        self.state = state
        self.opened_at = self.opened_at or timezone.now()
        self.tell_people(at=at)

    def tell_people(self, *, at: dt.datetime | None = None) -> None:
        """People hear of it from `at` on, unless somebody has it; the caller saves."""
        if self.acknowledged_at is None and self.agent_type != "test":
            self.due_at = at or timezone.now()


class Rung(UUIDModel):
    """One rule: where escalations go, and for how long we wait until the next."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    #: Empty: every reason that has no rungs of its own.
    reason = models.CharField(
        _("reason"), max_length=20, choices=Reason.choices, blank=True
    )
    #: Rungs are climbed in this order.
    position = models.PositiveSmallIntegerField(_("position"))
    destination = models.CharField(
        _("destination"), max_length=20, choices=destinations.choices
    )
    wait_minutes = models.PositiveIntegerField(
        _("minutes until the next rung"),
        default=10,
        help_text=_("If nobody has taken it by then."),
    )

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("escalation rule")
        verbose_name_plural = _("escalation rules")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "reason", "position"], name="one_rung_per_position"
            )
        ]

    def __str__(self) -> str:
        reason = self.get_reason_display() or _("every reason")
        return f"{reason} · {self.position}: {self.get_destination_display()}"


class Alert(Errand):
    """Staff are told of an escalation, once for each rung."""

    escalation = models.ForeignKey(
        Escalation,
        models.CASCADE,
        related_name="alerts",
        verbose_name=_("escalation"),
    )
    rung = models.PositiveSmallIntegerField(_("rung"))
    destination = models.CharField(_("destination"), max_length=20)

    objects = AccountQuerySet.as_manager()

    class Meta(Errand.Meta):
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["escalation", "rung"], name="one_alert_per_rung"
            )
        ]

    def __str__(self) -> str:
        return f"{self.escalation_id} · {self.destination}"
