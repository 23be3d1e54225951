"""Account (the business), the people who work for it, their tokens, and the trail.

Retention: how long an account keeps what; RetentionRun: what was deleted for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from knox.models import AbstractAuthToken, AuthTokenManager

from accounts.scoping import AccountQuerySet
from core import rates
from core.models import UUIDModel

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class Account(UUIDModel):  # type: ignore[django-manager-missing]  # knox is untyped
    """The business that uses the product; every row belongs to one."""

    class Handler(models.TextChoices):
        """Who replies on new conversations, in the words of the public API."""

        ASSISTANT = "AI", _("Assistant")
        SUPPORT = "Manual", _("Support")

    name = models.CharField(_("name"), max_length=200, unique=True)
    default_reply_handler = models.CharField(
        _("new conversations"),
        max_length=6,
        choices=Handler.choices,
        default=Handler.ASSISTANT,
        help_text=_("Who replies when a customer writes for the first time."),
    )
    #: What one person may ask on a channel without a limit of its own, as in
    #: `10/minute,60/hour`; empty: the installation's.
    rate_limit = models.CharField(
        _("rate limit"),
        max_length=100,
        blank=True,
        validators=[rates.validate],
        help_text=_("What one customer may ask, such as 10/minute,60/hour, or off."),
    )
    is_demo = models.BooleanField(_("demo"), default=False)
    #: Since when it is being deleted; empty: it is not.
    closing_at = models.DateTimeField(_("closing"), null=True, editable=False)
    #: Number of the newest live event of this account; see `conversations.live`.
    event_seq = models.BigIntegerField(default=0, editable=False)
    #: Grows with every change of what answers depend on, knowledge and settings, so
    #: that whoever keeps some of it in memory knows that it is old.
    knowledge_version = models.BigIntegerField(default=0, editable=False)
    #: The version up to which vectors are complete, and whose vectors they are.
    vectors_version = models.BigIntegerField(default=-1, editable=False)
    vectors_model = models.CharField(max_length=100, blank=True, editable=False)

    objects = AccountQuerySet.as_manager()
    #: The row is its own account.
    account_path = ""

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        indexes: ClassVar = [
            models.Index(
                fields=["id"],
                condition=models.Q(knowledge_version__gt=models.F("vectors_version")),
                name="account_without_vectors",
            )
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(default_reply_handler__in=["AI", "Manual"]),
                name="default_reply_handler_is_known",
            )
        ]

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):  # type: ignore[django-manager-missing]  # knox is untyped
    """Somebody who signs in."""

    accounts: models.ManyToManyField[Account, Membership] = models.ManyToManyField(
        Account, through="Membership", related_name="users"
    )


class Membership(models.Model):
    """What a user is in an account."""

    class Role(models.TextChoices):
        OWNER = "owner", _("Owner")
        SUPPORT = "support", _("Support")

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    account = models.ForeignKey(Account, models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=10, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "account"], name="one_membership_per_account"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.account} · {self.get_role_display()}"


def _days(label: StrOrPromise, help_text: StrOrPromise = "", **kwargs: Any) -> Any:
    return models.PositiveIntegerField(
        label,
        null=True,
        blank=True,
        help_text=help_text,
        validators=[MinValueValidator(1)],
        **kwargs,
    )


class Retention(models.Model):
    """For how many days an account keeps what; empty: for ever.

    An account without a row has the defaults.
    """

    class Forgetting(models.TextChoices):
        ANONYMISE = "anonymise", _("Anonymise them")
        DELETE = "delete", _("Delete them with their conversations")

    account = models.OneToOneField(
        Account, models.CASCADE, related_name="retention", primary_key=True
    )
    inactive_days = _days(
        _("close conversations after days without activity"),
        _("What waits for an answer or for a person stays open. Empty: never."),
        default=30,
    )
    conversations_days = _days(
        _("delete closed conversations after days"),
        _("Since their last message; with all that belongs to them."),
    )
    messages_days = _days(
        _("delete messages after days"), _("Also of conversations that go on.")
    )
    attachments_days = _days(_("delete attachments after days"))
    turns_days = _days(
        _("delete explanations of answers after days"),
        _("What was searched for and found, and why it was answered so."),
    )
    events_days = _days(
        _("delete raw webhook events after days"),
        _("Empty: as the installation does."),
    )
    contacts_days = _days(
        _("forget customers after days"),
        _("Since they last wrote, once all of their conversations are closed."),
    )
    contacts_are = models.CharField(
        _("to forget customers means"),
        max_length=10,
        choices=Forgetting.choices,
        default=Forgetting.ANONYMISE,
    )

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("retention")
        verbose_name_plural = _("retention")

    def __str__(self) -> str:
        return str(self.account)


class RetentionRun(models.Model):
    """What was deleted from an account on one occasion, for the record."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    at = models.DateTimeField(_("at"), auto_now_add=True)
    #: Rows by kind.
    counts = models.JSONField(_("forgotten"), default=dict)
    #: The days that were in force, by kind.
    days = models.JSONField(_("after days"), default=dict)

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("retention run")
        verbose_name_plural = _("retention runs")

    def __str__(self) -> str:
        return f"{self.account} {self.at:%Y-%m-%d}"


class Token(AbstractAuthToken):  # type: ignore[misc]
    """A bearer token of one user in one account, stored as a hash."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="tokens")
    name = models.CharField(_("name"), max_length=100, blank=True)

    objects = AuthTokenManager.from_queryset(AccountQuerySet)()

    class Meta:
        verbose_name = _("token")
        verbose_name_plural = _("tokens")

    def __str__(self) -> str:
        return f"{self.name or f'{self.token_key}…'} ({self.user})"


class Change(models.Model):
    """One line of the audit trail; see `accounts.trail`, which writes them."""

    class Way(models.TextChoices):
        ADMIN = "admin", _("Administration")
        API = "api", _("API")
        PORTAL = "portal", _("Portal")
        DESK = "desk", _("Live desk")
        PAGE = "page", _("Page")
        COMMAND = "command", _("Command")
        SYSTEM = "system", _("System")

    #: Empty: the account is gone, or it was about none.
    account = models.ForeignKey(
        Account, models.SET_NULL, null=True, blank=True, related_name="changes"
    )
    at = models.DateTimeField(_("at"), auto_now_add=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("user"),
    )
    #: The user's name then, or the command's.
    name = models.CharField(_("who"), max_length=150, blank=True)
    way = models.CharField(_("through"), max_length=10, choices=Way.choices)
    #: `added`, `changed`, `deleted`, or the name of an action.
    verb = models.CharField(_("action"), max_length=40)
    #: As in `integrations.channel`, and the number of the row; empty: of many.
    model = models.CharField(_("kind"), max_length=60)
    object_id = models.CharField(max_length=20, blank=True)
    #: What it was called then.
    subject = models.CharField(_("what"), max_length=200, blank=True)
    #: By field: before and after.
    values = models.JSONField(_("values"), default=dict, blank=True)

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("audit trail")
        indexes: ClassVar = [
            models.Index(fields=["account", "-id"], name="change_by_account"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject}"
