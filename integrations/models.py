"""Channel and Desk: an account's connections. Event: what arrived, as it arrived."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.scoping import AccountQuerySet
from core import rates
from core.fields import EncryptedJSONField
from core.models import UUIDModel
from core.text import truncate
from integrations import adapters, alerts, desks
from integrations.adapters.base import Check
from integrations.desks.base import DeskFacts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from integrations.adapters.base import Adapter
    from integrations.desks.base import DeskAdapter


def make_key() -> str:
    """A public name for a channel that cannot be guessed."""
    return f"ck_{secrets.token_urlsafe(18)}"


class CheckedModel(UUIDModel):
    """A connection that was looked at, and what was found."""

    class State(models.TextChoices):
        WORKS = "works", _("Works")
        BROKEN = "broken", _("Needs attention")
        UNCHECKED = "unchecked", _("Not checked")
        PAUSED = "paused", _("Not in use")

    is_active = models.BooleanField(_("active"), default=True)
    #: Why the provider refuses us, until it works again.
    error = models.CharField(max_length=300, blank=True, editable=False)
    #: What the last look has found; see `Check`.
    checks = models.JSONField(default=list, blank=True, editable=False)
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    @property
    def findings(self) -> list[Check]:
        """What the last look has found."""
        return [Check(**each) for each in self.checks]

    @property
    def state(self) -> State:
        """How the connection stands, as far as we know."""
        if not self.is_active:
            return self.State.PAUSED
        if self.error or not all(each.is_ok for each in self.findings):
            return self.State.BROKEN
        return self.State.WORKS if self.checked_at else self.State.UNCHECKED

    @property
    def trouble(self) -> str:
        """What is wrong, in one line; empty: nothing that we know of."""
        wrong = (each.detail or each.name for each in self.findings if not each.is_ok)
        return self.error or next(wrong, "")

    def note_checks(self, found: Iterable[Check]) -> None:
        """Keep what a look has found."""
        self.checks = [asdict(each) for each in found]
        self.checked_at = timezone.now()
        self.save(update_fields=["checks", "checked_at"])


class ChannelQuerySet(AccountQuerySet["Channel"]):
    """Channels, by what they serve."""

    def active(self) -> ChannelQuerySet:
        """Channels that take messages, with their accounts."""
        return self.filter(is_active=True).select_related("account")


class Channel(CheckedModel):
    """One account's connection to one provider."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="channels")
    provider = models.CharField(_("provider"), max_length=20, choices=adapters.choices)
    name = models.CharField(_("name"), max_length=100)
    #: The provider's own number of the account that it is connected to, once we know it.
    external_id = models.CharField(max_length=100, blank=True, editable=False)
    #: Names the channel in the browser; public, so it opens nothing by itself.
    key = models.CharField(max_length=40, unique=True, default=make_key, editable=False)
    #: What the adapter lists as its credential fields; never shown again.
    credentials = EncryptedJSONField(default=dict, blank=True)
    #: What the owner chose at setup; see the adapter.
    settings = models.JSONField(default=dict, blank=True, editable=False)
    #: Web origins whose pages may use the channel; empty: only our own pages.
    allowed_origins = models.JSONField(_("allowed origins"), default=list, blank=True)
    #: What one person may ask, as in `10/minute,60/hour`; empty: the account's.
    rate_limit = models.CharField(
        _("rate limit"), max_length=100, blank=True, validators=[rates.validate]
    )
    #: Only people whose identity the CRM's server has signed may ask.
    requires_signature = models.BooleanField(_("signed users only"), default=False)
    #: The installation's default channel answers where no channel is named.
    is_default = models.BooleanField(_("default"), default=False)
    #: While on, people reply to everything that arrives here.
    human_mode = models.BooleanField(_("human mode"), default=False)
    #: Contacts prove an e-mail address before the assistant answers them.
    verifies_email = models.BooleanField(
        _("verified e-mail only"),
        default=False,
        help_text=_("The assistant answers once a link sent to the address is opened."),
    )
    #: When the last event was read, give or take `LAST_EVENT_S`.
    last_event_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: Since when the provider refuses us, as `error` says.
    broken_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: When the owners were told of that.
    told_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: Up to when we know what the provider holds.
    synced_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ChannelQuerySet.as_manager()

    class Meta:
        verbose_name = _("channel")
        verbose_name_plural = _("channels")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["is_default"],
                condition=models.Q(is_default=True),
                name="one_default_channel",
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["provider", "external_id"],
                condition=~models.Q(external_id=""),
                name="channel_by_external_id",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.provider})"

    @property
    def adapter(self) -> type[Adapter]:
        """The class that speaks this channel's provider."""
        return adapters.get(self.provider)

    @property
    def webhook_path(self) -> str:
        """Where the provider sends its events, from the root of this site."""
        return f"/webhooks/{self.provider}/{self.uuid}"


class Grant(models.Model):
    """What a provider has granted a channel: tokens that are renewed, one at a time."""

    channel = models.OneToOneField(Channel, models.CASCADE, related_name="grant")
    #: `access_token` and `refresh_token`; the second is good once.
    tokens = EncryptedJSONField()
    expires_at = models.DateTimeField()
    renewed_at = models.DateTimeField()
    #: One worker renews it, and no other does before this time.
    renewing_until = models.DateTimeField(null=True, blank=True)

    objects = AccountQuerySet["Grant"].as_manager()
    account_path = "channel__account"

    def __str__(self) -> str:
        return f"{self.channel_id} {self.renewed_at:%Y-%m-%d}"


class EventQuerySet(AccountQuerySet["Event"]):
    """Events, by what is still to be done with them."""

    def waiting(self) -> EventQuerySet:
        """Events that nobody has worked off yet."""
        return self.filter(state=Event.State.WAITING)


class Event(models.Model):
    """What arrived at a webhook, stored before it was acknowledged."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DONE = "done", _("Done")
        IGNORED = "ignored", _("Ignored")
        FAILED = "failed", _("Failed")

    # Found by the unique key, which begins with it.
    channel = models.ForeignKey(
        Channel, models.CASCADE, related_name="events", db_index=False
    )
    #: The provider's own name of this delivery; the same for each redelivery.
    delivery_key = models.CharField(max_length=200)
    #: The body as text, exactly as it came.
    body = models.TextField()
    state = models.CharField(
        max_length=10,
        choices=State.choices,
        default=State.WAITING,
        db_default="waiting",
    )
    #: Why it was ignored, or what went wrong when it was read.
    note = models.CharField(max_length=500, blank=True, db_default="")
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    #: Not before this time; set after a failure.
    due_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField()

    objects = EventQuerySet.as_manager()
    account_path = "channel__account"

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["channel", "delivery_key"], name="one_event_per_delivery"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["id"],
                condition=models.Q(state="waiting"),
                name="event_waiting",
            ),
            models.Index(fields=["received_at"], name="event_by_age"),
            models.Index(
                fields=["channel", "-id"],
                condition=models.Q(state="failed"),
                name="event_failed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel_id} {self.delivery_key}"


class DeskQuerySet(AccountQuerySet["Desk"]):
    """Desks, by what they serve."""

    def active(self) -> DeskQuerySet:
        """Desks that take tickets."""
        return self.filter(is_active=True)


class Desk(CheckedModel):
    """One account's help desk, where its tickets are made."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="desks")
    provider = models.CharField(_("provider"), max_length=20, choices=desks.choices)
    name = models.CharField(_("name"), max_length=100)
    #: What the adapter lists as its credential fields, and the secrets of the webhook.
    credentials = EncryptedJSONField(default=dict, blank=True)
    #: What the owner chose at setup; see the adapter.
    settings = models.JSONField(default=dict, blank=True)
    #: Up to when we know what changed on the desk.
    polled_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = DeskQuerySet.as_manager()

    class Meta:
        verbose_name = _("help desk")
        verbose_name_plural = _("help desks")

    def __str__(self) -> str:
        return f"{self.name} ({self.provider})"

    @property
    def adapter(self) -> DeskAdapter:
        """The adapter that speaks for this desk."""
        facts = DeskFacts(
            id=self.pk or 0,
            uuid=str(self.uuid),
            account_id=self.account_id,
            provider=self.provider,
            credentials=self.credentials,
            settings=self.settings,
        )
        return desks.get(self.provider)(facts)

    @property
    def webhook_path(self) -> str:
        """Where the desk says that a ticket has changed; a secret."""
        return f"/webhooks/desk/{self.uuid}/{self.credentials['hook_token']}"

    def note_error(self, text: str) -> None:
        """Keep why the desk refuses us; empty: it works."""
        if self.error != text:
            self.error = truncate(text, 300)
            self.save(update_fields=["error"])


class FollowedTicket(models.Model):
    """A ticket of ours on a desk, and what we know of it.

    What a desk tells us of any other ticket is nothing to us.
    """

    desk = models.ForeignKey(Desk, models.CASCADE, related_name="followed_tickets")
    external_id = models.CharField(max_length=100)
    status = models.CharField(max_length=10, default="open")
    #: The provider's ids of the replies that were passed on.
    passed_on = models.JSONField(default=list)
    #: When it is to be read; empty: nothing is known to have changed.
    due_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    objects = AccountQuerySet["FollowedTicket"].as_manager()
    account_path = "desk__account"

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["desk", "external_id"], name="one_row_per_followed_ticket"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(due_at__isnull=False),
                name="followed_ticket_due",
            )
        ]

    def __str__(self) -> str:
        return f"{self.desk_id} {self.external_id}"


class AlertTarget(UUIDModel):
    """Where one alert service reaches an account's staff."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="alert_targets")
    service = models.CharField(_("service"), max_length=20, choices=alerts.choices)
    #: What the adapter lists as its credential fields; never shown again.
    credentials = EncryptedJSONField(default=dict, blank=True)
    #: Language of the staff, as a code; empty: the installation's.
    lang = models.CharField(
        _("language"), max_length=12, blank=True, choices=settings.LANGUAGES
    )
    is_active = models.BooleanField(_("active"), default=True)
    #: Why the service refuses us, until it works again.
    error = models.CharField(_("problem"), max_length=300, blank=True, editable=False)
    #: Until then what comes waits, and is told as one.
    quiet_until = models.DateTimeField(null=True, blank=True, editable=False)

    objects = AccountQuerySet["AlertTarget"].as_manager()

    class Meta:
        verbose_name = _("alert service")
        verbose_name_plural = _("alert services")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "service"], name="one_target_per_alert_service"
            )
        ]

    def __str__(self) -> str:
        return str(self.get_service_display())

    @property
    def place(self) -> str:
        """Where it leads, without what opens it."""
        host = urlsplit(str(self.credentials.get("url", ""))).hostname
        return host or str(self.credentials.get("address", ""))
