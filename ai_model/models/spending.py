"""Price of a model; Reservation for calls under way; SpendingNotice to the owners."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.scoping import AccountQuerySet

if TYPE_CHECKING:
    from decimal import Decimal


def amount_text(amount: Decimal) -> str:
    """An amount without zeros that say nothing: `5`, `0.0421`, `1000000`."""
    return f"{amount.normalize():f}"


class Price(models.Model):
    """What a model costs this installation from a day on, before what we ship.

    Belongs to no account: who runs the installation pays the providers.
    """

    provider = models.CharField(_("provider"), max_length=20)
    #: As the provider spells it.
    model = models.CharField(_("model"), max_length=100)
    valid_from = models.DateField(_("valid from"))
    # US dollars per million tokens.
    price_in = models.DecimalField(
        _("read, per million tokens"),
        max_digits=10,
        decimal_places=4,
        validators=[MinValueValidator(0)],
    )
    price_out = models.DecimalField(
        _("written, per million tokens"),
        max_digits=10,
        decimal_places=4,
        validators=[MinValueValidator(0)],
    )

    class Meta:
        verbose_name = _("price")
        verbose_name_plural = _("prices")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["provider", "model", "valid_from"],
                name="one_price_of_a_model_from_a_day_on",
            ),
            models.CheckConstraint(
                condition=models.Q(price_in__gte=0, price_out__gte=0),
                name="prices_are_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.model} {self.valid_from}"


class Reservation(models.Model):
    """The most that a call under way may take of its account's spending limits.

    It goes when the work that wanted it ends. Of work that never ended it stops
    counting at `expires_at`.
    """

    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    #: The work that it is for, which may make several calls.
    holder = models.UUIDField(db_index=True)
    worker = models.BigIntegerField(default=0)
    #: In US dollars; 0 where the price is not known.
    cost = models.DecimalField(max_digits=14, decimal_places=6)
    tokens = models.PositiveBigIntegerField()
    expires_at = models.DateTimeField()

    objects = AccountQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["account", "expires_at"], name="reserved_by_account")
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.cost}"


class SpendingNotice(models.Model):
    """That the owners were told of a limit, once in each of its periods."""

    class Period(models.TextChoices):
        DAY = "day", _("day")
        MONTH = "month", _("month")

    class Unit(models.TextChoices):
        COST = "cost", _("US dollars")
        TOKENS = "tokens", _("tokens")
        REQUESTS = "requests", _("requests")

    class Level(models.TextChoices):
        #: A good part of it is spent.
        WARNING = "warning", _("Nearly spent")
        #: All of it is; models are not asked until the next period.
        REACHED = "reached", _("Reached")

    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    period = models.CharField(_("period"), max_length=5, choices=Period.choices)
    #: The first day of the period, in UTC.
    starts_on = models.DateField(_("since"))
    unit = models.CharField(_("counted in"), max_length=8, choices=Unit.choices)
    level = models.CharField(_("state"), max_length=8, choices=Level.choices)
    amount = models.DecimalField(_("limit"), max_digits=20, decimal_places=6)
    spent = models.DecimalField(_("spent"), max_digits=20, decimal_places=6)
    #: When the owners were written to, or would have been with e-mail set up.
    told_at = models.DateTimeField(_("told"), null=True, blank=True)

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("spending notice")
        verbose_name_plural = _("spending notices")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "period", "starts_on", "unit", "level", "amount"],
                name="one_notice_of_a_limit_in_a_period",
            )
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.starts_on} {self.get_level_display()}"

    @property
    def amount_text(self) -> str:
        """The limit as people write it."""
        return amount_text(self.amount)

    @property
    def spent_text(self) -> str:
        """What was spent, as people write it."""
        return amount_text(self.spent)
