"""ProviderTest: whether a model that an account asks answers us."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.scoping import AccountQuerySet


class ProviderTest(models.Model):
    """What came of the last test of one model; the row goes with its use."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    provider = models.CharField(_("provider"), max_length=20)
    model = models.CharField(_("model"), max_length=100)
    works = models.BooleanField(_("works"))
    latency_ms = models.PositiveIntegerField(_("time in ms"))
    #: As in `control.Trial`.
    quota = models.CharField(_("quota"), max_length=10)
    #: The provider's words, where it does not work.
    error = models.CharField(_("error"), max_length=300, blank=True)
    tested_at = models.DateTimeField(_("tested"))
    #: Since which test it has not worked; empty: it works.
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True)
    #: What the owners believe: they are written to when it differs from what is.
    told_works = models.BooleanField(default=True, editable=False)

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("provider test")
        verbose_name_plural = _("provider tests")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "provider", "model"],
                name="one_provider_test_per_model",
            )
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.provider} {self.model}"
