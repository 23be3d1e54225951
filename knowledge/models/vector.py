"""Vector: the meaning of one text of an entry."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.scoping import AccountQuerySet
from knowledge.models.entry import Entry


class Vector(models.Model):
    """What an encoder makes of one text of an entry; gone with the entry."""

    entry = models.ForeignKey(Entry, models.CASCADE, related_name="vectors")
    #: The encoder with its version; vectors of different ones never meet.
    model = models.CharField(max_length=100)
    #: SHA-256 of the text, in hex.
    digest = models.CharField(max_length=64)
    #: 16-bit floats of unit length together, little-endian.
    data = models.BinaryField()

    objects = AccountQuerySet.as_manager()
    account_path = "entry__account"

    class Meta:
        verbose_name = _("vector")
        verbose_name_plural = _("vectors")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["entry", "model", "digest"], name="one_vector_per_text"
            )
        ]

    def __str__(self) -> str:
        return f"{self.entry_id} · {self.model}"
