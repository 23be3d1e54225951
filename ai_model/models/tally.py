"""Tallies: what was counted of one account, channel and day or month; TallyFeed: how far."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.scoping import AccountQuerySet
from integrations.models import Channel


class _Amounts(models.Model):
    """What happened on one channel of an account in some time.

    Sums, counts and histograms only, so that times and channels can be added up.
    """

    account = models.ForeignKey(
        Account, models.CASCADE, related_name="+", db_index=False
    )
    channel = models.ForeignKey(
        Channel, models.CASCADE, related_name="+", db_index=False
    )
    #: In UTC; of a month its first.
    day = models.DateField(_("day"))
    #: Amounts by name; docs/explanation/analytics.md lists the names.
    counts = models.JSONField(default=dict)
    #: Of these nobody asks for single days: groups of histograms, and topics.
    groups = models.JSONField(default=dict)

    objects = AccountQuerySet.as_manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.account_id} · {self.channel_id} · {self.day}"

    @property
    def amounts(self) -> dict[str, int]:
        """All amounts, by name."""
        return {**self.counts, **self.groups}

    @amounts.setter
    def amounts(self, amounts: dict[str, int]) -> None:
        self.counts, self.groups = {}, {}
        for name, amount in amounts.items():
            if amount:
                into = self.groups if is_group(name) else self.counts
                into[name] = amount


@lru_cache(maxsize=10_000)
def is_group(name: str) -> bool:
    """Whether this amount is one of a histogram or of topics: `reply:400`, `topic:a`."""
    head, _colon, tail = name.partition(":")
    return head == "topic" or tail.isdecimal()


class Tally(_Amounts):
    """One day."""

    class Meta(_Amounts.Meta):
        abstract = False
        verbose_name = _("analytics")
        verbose_name_plural = _("analytics")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "day", "channel"], name="one_tally_per_channel_day"
            )
        ]


class MonthTally(_Amounts):
    """One month: the sum of its days."""

    class Meta(_Amounts.Meta):
        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "day", "channel"], name="one_tally_per_channel_month"
            )
        ]


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
