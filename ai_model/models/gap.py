"""Gap, GapQuestion, GapFeed: what nobody could answer; QuestionRun."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.scoping import AccountQuerySet
from ai_model.models.turn import Turn
from core.models import UUIDModel
from knowledge.models import Entry


class GapQuerySet(AccountQuerySet["Gap"]):
    """Gaps, by what is to be done about them."""

    def undecided(self) -> GapQuerySet:
        """Those that somebody still has to close or dismiss."""
        return self.filter(status__in=[Gap.Status.OPEN, Gap.Status.DRAFTED])

    def by_volume(self) -> GapQuerySet:
        """With `volume`, the most and the most recently asked first."""
        return self.annotate(
            volume=models.Count("questions"), weight=models.Sum("questions__weight")
        ).order_by(models.F("weight").desc(nulls_last=True), "-pk")


class Gap(UUIDModel):
    """Something that contacts ask and the knowledge does not answer."""

    class Status(models.TextChoices):
        #: No person has replied yet, so there is nothing to write from.
        OPEN = "open", _("No draft yet")
        #: An entry was drafted from replies; published or not, the gap is not closed.
        DRAFTED = "drafted", _("Draft")
        #: The entry answers what was asked; proved by asking again.
        CLOSED = "closed", _("Closed")
        DISMISSED = "dismissed", _("Dismissed")

    account = models.ForeignKey(Account, models.CASCADE, related_name="gaps")
    #: The question that stands for all of them, without personal data.
    question = models.TextField(_("question"))
    lang = models.CharField(_("language"), max_length=12, blank=True)
    status = models.CharField(
        _("status"), max_length=10, choices=Status.choices, default=Status.OPEN
    )
    #: The draft, and once it is published the entry that closes the gap.
    entry = models.ForeignKey(
        Entry, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    first_seen_at = models.DateTimeField(_("first asked"))
    last_seen_at = models.DateTimeField(_("last asked"))
    #: When the questions were asked again.
    reasked_at = models.DateTimeField(_("asked again"), null=True, blank=True)
    #: When the draft is to be looked at; claimed by moving it on. Empty: nothing new.
    due_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = GapQuerySet.as_manager()

    class Meta:
        verbose_name = _("unanswered question")
        verbose_name_plural = _("unanswered questions")
        indexes: ClassVar = [
            models.Index(
                fields=["account", "status", "-last_seen_at"], name="gap_by_status"
            ),
            models.Index(
                fields=["due_at"],
                condition=models.Q(due_at__isnull=False),
                name="gap_due",
            ),
        ]

    def __str__(self) -> str:
        return self.question


class GapQuestion(models.Model):
    """One time that a gap was asked about; gone with its conversation."""

    gap = models.ForeignKey(Gap, models.CASCADE, related_name="questions")
    turn = models.OneToOneField(Turn, models.CASCADE, related_name="+")
    #: As it was asked, without personal data.
    text = models.TextField(_("question"))
    asked_at = models.DateTimeField(_("asked"))
    #: What it adds to the volume of its gap; later ones weigh more.
    weight = models.FloatField()
    #: Whether the gap's entry answered it when it was asked again, and how sure.
    is_answered = models.BooleanField(_("answered now"), null=True)
    confidence = models.FloatField(_("confidence"), null=True)

    objects = AccountQuerySet.as_manager()
    account_path = "gap__account"

    class Meta:
        verbose_name = _("question of a gap")
        verbose_name_plural = _("questions of gaps")

    def __str__(self) -> str:
        return self.text


class GapFeed(models.Model):
    """How far turns and messages have been looked through for gaps; one row."""

    turn_id = models.BigIntegerField(default=0)
    message_id = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.turn_id} · {self.message_id}"


class QuestionRun(models.Model):
    """For which revision of an entry a model was asked to make up questions."""

    entry = models.OneToOneField(
        Entry, models.CASCADE, primary_key=True, related_name="+"
    )
    revision = models.PositiveIntegerField()
    is_done = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    #: When it may be tried again; claimed by moving it on.
    due_at = models.DateTimeField()

    objects = AccountQuerySet.as_manager()
    account_path = "entry__account"

    def __str__(self) -> str:
        return f"{self.entry_id} · {self.revision}"
