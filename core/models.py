"""The base that most models share, and how the tasks of the schedule have run."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class UUIDModel(models.Model):
    """A row with a number for the database and a UUID for the outside."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True


class PeriodicTask(models.Model):
    """How a task of the schedule has run last; one row for each, written over.

    `core.periodic` keeps it.
    """

    class Outcome(models.TextChoices):
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    #: Its name in the schedule.
    name = models.CharField(_("name"), max_length=100, primary_key=True)
    #: Since when it is in the schedule.
    created_at = models.DateTimeField(_("scheduled since"), auto_now_add=True)
    started_at = models.DateTimeField(_("last run"), null=True, blank=True)
    finished_at = models.DateTimeField(_("ended"), null=True, blank=True)
    duration_ms = models.PositiveIntegerField(_("took (ms)"), null=True, blank=True)
    outcome = models.CharField(
        _("outcome"), max_length=10, choices=Outcome.choices, blank=True
    )
    #: What the last run that went well has told.
    result = models.CharField(_("result"), max_length=300, blank=True)
    #: Of the last run that failed, also after others went well.
    error = models.CharField(_("last error"), max_length=500, blank=True)
    failed_at = models.DateTimeField(_("last failure"), null=True, blank=True)
    #: When a run last found another one at work, and returned.
    skipped_at = models.DateTimeField(_("last left to another"), null=True, blank=True)
    runs = models.PositiveBigIntegerField(_("runs"), default=0)
    failures = models.PositiveBigIntegerField(_("failures"), default=0)

    class Meta:
        verbose_name = _("periodic task")
        verbose_name_plural = _("periodic tasks")
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_running(self) -> bool:
        """Whether a run has begun and not ended; one that was broken off neither has."""
        begun, ended = self.started_at, self.finished_at
        return begun is not None and (ended is None or ended < begun)
