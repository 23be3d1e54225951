"""Example: a question that an entry answers."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.scoping import AccountQuerySet
from core.models import UUIDModel
from knowledge.models.entry import Entry


class ExampleQuerySet(AccountQuerySet["Example"]):
    """Learned questions, by what may be done with them."""

    def approved(self) -> ExampleQuerySet:
        """Those that the search learns from."""
        return self.filter(status=Example.Status.APPROVED)


class Example(UUIDModel):
    """A question that an entry answers, as a contact asks it."""

    class Origin(models.TextChoices):
        #: A contact asked it, and the answer was confirmed or a person gave it.
        CONFIRMED = "confirmed", _("Confirmed answer")
        #: It came with the knowledge: earlier questions of a business.
        IMPORTED = "imported", _("Imported")
        #: A model made it up from the entry; never taken for a real one.
        GENERATED = "generated", _("Generated")

    class Status(models.TextChoices):
        PROPOSED = "proposed", _("To be reviewed")
        APPROVED = "approved", _("Approved")
        REJECTED = "rejected", _("Rejected")

    entry = models.ForeignKey(Entry, models.CASCADE, related_name="examples")
    text = models.TextField(_("question"))
    #: SHA-256 of the text in lower case without punctuation, in hex.
    digest = models.CharField(max_length=64, editable=False)
    origin = models.CharField(_("origin"), max_length=10, choices=Origin.choices)
    status = models.CharField(
        _("status"), max_length=10, choices=Status.choices, default=Status.PROPOSED
    )
    #: The message it was learned from, by its UUID.
    reference = models.CharField(max_length=100, blank=True)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True
    )

    objects = ExampleQuerySet.as_manager()
    account_path = "entry__account"

    class Meta:
        verbose_name = _("learned question")
        verbose_name_plural = _("learned questions")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["entry", "digest"], name="one_example_per_wording"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["reference"], name="example_by_reference")
        ]

    def __str__(self) -> str:
        return self.text
