"""Channel and Desk: an account's connections. Event: what arrived, as it arrived."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.scoping import AccountQuerySet
from core import rates
from core.fields import EncryptedJSONField
from core.models import UUIDModel
from core.text import truncate
from integrations import adapters, desks
from integrations.desks.base import DeskFacts

if TYPE_CHECKING:
    from integrations.adapters.base import Adapter
    from integrations.desks.base import DeskAdapter


def make_key() -> str:
    """A public name for a channel that cannot be guessed."""
    return f"ck_{secrets.token_urlsafe(18)}"


class ChannelQuerySet(AccountQuerySet["Channel"]):
    """Channels, by what they serve."""

    def active(self) -> ChannelQuerySet:
        """Channels that take messages."""
        return self.filter(is_active=True)


class Channel(UUIDModel):
    """One account's connection to one provider."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="channels")
    provider = models.CharField(_("provider"), max_length=20, choices=adapters.choices)
    name = models.CharField(_("name"), max_length=100)
    #: Names the channel in the browser; public, so it opens nothing by itself.
    key = models.CharField(max_length=40, unique=True, default=make_key, editable=False)
    #: What the adapter lists as its credential fields; never shown again.
    credentials = EncryptedJSONField(default=dict, blank=True)
    #: Web origins whose pages may use the channel; empty: only our own pages.
    allowed_origins = models.JSONField(_("allowed origins"), default=list, blank=True)
    #: What one person may ask, as in `10/minute,60/hour`; empty: the installation's.
    rate_limit = models.CharField(
        _("rate limit"), max_length=100, blank=True, validators=[rates.validate]
    )
    #: Only people whose identity the CRM's server has signed may ask.
    requires_signature = models.BooleanField(_("signed users only"), default=False)
    is_active = models.BooleanField(_("active"), default=True)
    #: The installation's default channel answers where no channel is named.
    is_default = models.BooleanField(_("default"), default=False)
    #: While on, people reply to everything that arrives here.
    human_mode = models.BooleanField(_("human mode"), default=False)
    #: Why the provider refuses us, until it works again.
    error = models.CharField(max_length=300, blank=True, editable=False)

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

    channel = models.ForeignKey(Channel, models.CASCADE, related_name="events")
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


class Desk(UUIDModel):
    """One account's help desk, where its tickets are made."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="desks")
    provider = models.CharField(_("provider"), max_length=20, choices=desks.choices)
    name = models.CharField(_("name"), max_length=100)
    #: What the adapter lists as its credential fields, and the secrets of the webhook.
    credentials = EncryptedJSONField(default=dict, blank=True)
    #: What the owner chose at setup; see the adapter.
    settings = models.JSONField(default=dict, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    #: Why the desk refuses us, until it works again.
    error = models.CharField(max_length=300, blank=True, editable=False)
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
