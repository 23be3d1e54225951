"""ModelWarning: a model in use that its provider will switch off."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.scoping import AccountQuerySet


class ModelWarning(models.Model):
    """That an account was warned; the row goes once it uses another model."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    provider = models.CharField(_("provider"), max_length=20)
    model = models.CharField(_("model"), max_length=100)
    #: The first day on which it is no longer served.
    retires_on = models.DateField(_("served until"))
    successor = models.CharField(_("successor"), max_length=100, blank=True)
    #: When the owners were last written to, or would have been with e-mail set up.
    told_at = models.DateTimeField(_("told"), null=True, blank=True)

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("model warning")
        verbose_name_plural = _("model warnings")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "provider", "model"], name="one_warning_per_model"
            )
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.model}"
