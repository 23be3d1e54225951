"""Tally: what was counted of one account, channel and day; TallyFeed: how far."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.scoping import AccountQuerySet
from integrations.models import Channel


class Tally(models.Model):
    """What happened on one channel of an account on one day, in UTC.

    Sums, counts and histograms only, so that days and channels can be added up.
    """

    account = models.ForeignKey(
        Account, models.CASCADE, related_name="+", db_index=False
    )
    channel = models.ForeignKey(
        Channel, models.CASCADE, related_name="+", db_index=False
    )
    day = models.DateField(_("day"))
    #: Amounts by name; docs/explanation/analytics.md lists the names.
    counts = models.JSONField(default=dict)

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("analytics")
        verbose_name_plural = _("analytics")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "day", "channel"], name="one_tally_per_channel_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_id} · {self.channel_id} · {self.day}"


class TallyFeed(models.Model):
    """How far the rows have been counted; one row, locked by whoever counts."""

    # Newest rows that are counted.
    conversation_id = models.BigIntegerField(default=0)
    message_id = models.BigIntegerField(default=0)
    turn_id = models.BigIntegerField(default=0)
    feedback_id = models.BigIntegerField(default=0)
    #: Ids up to which no row can appear any more, by the names above.
    bound: models.JSONField[dict[str, int], dict[str, int]] = models.JSONField(
        default=dict
    )
    #: The bound that comes next, and the transactions that have to end before.
    pending: models.JSONField[Any, Any] = models.JSONField(null=True)
    fed_at = models.DateTimeField(null=True)
    #: Resolutions were judged by what was known when this day began, in UTC.
    settled_until = models.DateField(null=True)

    def __str__(self) -> str:
        return f"{self.message_id} · {self.settled_until}"
