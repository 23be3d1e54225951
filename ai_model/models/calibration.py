"""Judgement: whether an answer was right; Calibration: what an account learned."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.scoping import AccountQuerySet
from ai_model.confidence import Adjustment
from ai_model.models.turn import Turn
from core.models import UUIDModel


class Judgement(UUIDModel):
    """Whether the best entry of a turn was right, as somebody judged it."""

    class Origin(models.TextChoices):
        """Where it comes from, the most reliable first."""

        STAFF = "staff", _("Marked by staff")
        CONTACT = "contact", _("Rated by the customer")
        #: A person's reply was linked to an entry, the same one or another.
        ENTRY = "entry", _("Entry of a person's reply")
        #: A person replied right after the answer, and said something else.
        CORRECTION = "correction", _("Corrected by a person")

    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    turn = models.OneToOneField(Turn, models.CASCADE, related_name="judgement")
    right = models.BooleanField(_("right"))
    origin = models.CharField(_("origin"), max_length=10, choices=Origin.choices)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True
    )

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("judgement")
        verbose_name_plural = _("judgements")
        indexes: ClassVar = [
            models.Index(fields=["account", "-id"], name="judgement_by_account")
        ]

    def __str__(self) -> str:
        return f"{self.turn_id} · {self.get_origin_display()}"


class Calibration(models.Model):
    """What an account's knowledge and judgements taught about its confidence."""

    account = models.OneToOneField(
        Account, models.CASCADE, related_name="calibration", primary_key=True
    )
    #: From asking the knowledge about itself; see `selfcheck`.
    checked_slope = models.FloatField(default=1.0)
    checked_offset = models.FloatField(default=0.0)
    #: The same after judgements: what answers are adjusted by.
    slope = models.FloatField(default=1.0)
    offset = models.FloatField(default=0.0)
    #: The budget that the threshold is for; empty: there was none.
    budget = models.FloatField(null=True, blank=True)
    threshold = models.FloatField(null=True, blank=True)
    #: Judgements that it rests on, and the wrong ones of them.
    judged = models.PositiveIntegerField(default=0)
    wrong = models.PositiveIntegerField(default=0)
    #: Whether the judgements prove that the threshold keeps the budget, how many speak
    #: for it, and the smallest budget that they would prove.
    is_proved = models.BooleanField(default=False)
    proof_judged = models.PositiveIntegerField(default=0)
    proof_wrong = models.PositiveIntegerField(default=0)
    least_budget = models.FloatField(default=1.0)
    #: The knowledge that was asked about itself, as a digest.
    knowledge = models.CharField(max_length=64, blank=True)
    #: Version of the account that was seen last.
    knowledge_version = models.BigIntegerField(default=-1)
    #: When to look again; claimed by moving it on. Empty: nothing new.
    due_at = models.DateTimeField(null=True, blank=True)
    computed_at = models.DateTimeField(null=True, blank=True)

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("calibration")
        verbose_name_plural = _("calibrations")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(slope__gt=0, checked_slope__gt=0),
                name="a_larger_confidence_stays_larger",
            ),
            models.CheckConstraint(
                condition=models.Q(budget__isnull=True)
                | models.Q(threshold__isnull=False),
                name="a_budget_has_a_threshold",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(due_at__isnull=False),
                name="calibration_due",
            )
        ]

    def __str__(self) -> str:
        return str(self.account)

    @property
    def checked(self) -> Adjustment:
        """The adjustment that the knowledge alone gives."""
        return Adjustment(self.checked_slope, self.checked_offset)

    @property
    def adjustment(self) -> Adjustment:
        """The adjustment of the account's answers."""
        return Adjustment(self.slope, self.offset)
