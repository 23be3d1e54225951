"""What leaves the house for an escalation, and what comes back of it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.scoping import AccountQuerySet
from conversations.models import Message
from core.models import UUIDModel
from escalation.models.escalation import Escalation
from integrations.errands import Errand
from integrations.models import Desk


class Numbering(models.Model):
    """The number that an account's newest ticket got."""

    account = models.OneToOneField(Account, models.CASCADE, related_name="+")
    last = models.PositiveIntegerField(default=0)

    account_path = "account"

    def __str__(self) -> str:
        return f"{self.account_id}: {self.last}"


class Ticket(Errand):
    """The one ticket of an escalation, and its way to the account's desk.

    Where no desk is connected, it is all there is, and done from the start.
    """

    escalation = models.OneToOneField(
        Escalation, models.CASCADE, related_name="ticket", verbose_name=_("escalation")
    )
    #: Ours: counted in each account from 1.
    number = models.PositiveIntegerField(_("number"))
    #: What the customer was told to call it; empty: nobody was told yet.
    told = models.CharField(_("told to the customer"), max_length=100, blank=True)
    #: Where the customer is written to; empty: no address that is known to be theirs.
    email = models.CharField(_("e-mail"), max_length=254, blank=True)
    #: What was said, as the CRM tells it: role, content, timestamp.
    history = models.JSONField(_("history"), default=list, blank=True)
    #: Where it is made; empty: only here.
    desk = models.ForeignKey(
        Desk, models.SET_NULL, null=True, blank=True, verbose_name=_("help desk")
    )
    #: The desk's number of it, and where staff see it there.
    external_id = models.CharField(_("number on the desk"), max_length=100, blank=True)
    url = models.CharField(_("address on the desk"), max_length=500, blank=True)
    #: How it stands on the desk, in the desk's last news.
    desk_status = models.CharField(_("on the desk"), max_length=10, blank=True)

    objects = AccountQuerySet.as_manager()

    class Meta(Errand.Meta):
        verbose_name = _("ticket")
        verbose_name_plural = _("tickets")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "number"], name="one_ticket_per_number"
            ),
            models.UniqueConstraint(
                fields=["desk", "external_id"],
                condition=~models.Q(external_id=""),
                name="one_ticket_per_desks_number",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.label}"

    @property
    def label(self) -> str:
        """What people call it: as they were told, else the best number it has."""
        return self.told or self.external_id or str(self.number)


class Letter(Errand):
    """An e-mail to the customer about a ticket: its confirmation, or a person's reply."""

    ticket = models.ForeignKey(
        Ticket, models.CASCADE, related_name="letters", verbose_name=_("ticket")
    )
    #: What a person replied; empty: this is the confirmation.
    message = models.ForeignKey(
        Message, models.CASCADE, null=True, blank=True, related_name="+"
    )

    objects = AccountQuerySet.as_manager()

    class Meta(Errand.Meta):
        verbose_name = _("e-mail")
        verbose_name_plural = _("e-mails")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["ticket"],
                condition=models.Q(message__isnull=True),
                name="one_confirmation_per_ticket",
            ),
            models.UniqueConstraint(
                fields=["ticket", "message"], name="one_letter_per_reply"
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.ticket.label} · {self.ticket.email}"

    @property
    def is_confirmation(self) -> bool:
        """Whether it says that the ticket exists."""
        return self.message_id is None


class Note(Errand):
    """What a customer has added since, on its way to the ticket at the desk."""

    ticket = models.ForeignKey(
        Ticket, models.CASCADE, related_name="notes", verbose_name=_("ticket")
    )
    message = models.OneToOneField(Message, models.CASCADE, related_name="+")

    objects = AccountQuerySet.as_manager()

    class Meta(Errand.Meta):
        verbose_name = _("note")
        verbose_name_plural = _("notes")

    def __str__(self) -> str:
        return f"#{self.ticket.label}"


class IncomingMail(UUIDModel):
    """An e-mail that answers one of ours, and what became of it."""

    class Kind(models.TextChoices):
        #: The customer's own words, in their conversation.
        REPLY = "reply", _("Reply of the customer")
        #: Nothing shows that the customer wrote it; only people here see it.
        UNVERIFIED = "unverified", _("Not shown to be the customer's")
        #: A program wrote it: an absence note, or that our e-mail did not arrive.
        AUTOMATIC = "automatic", _("Automatic")

    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    ticket = models.ForeignKey(
        Ticket, models.CASCADE, related_name="mails", verbose_name=_("ticket")
    )
    #: Of its Message-ID, or of all of it where it has none.
    digest = models.CharField(max_length=64)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    sender = models.CharField(_("from"), max_length=254)
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    #: Without what it quotes.
    text = models.TextField(_("text"), blank=True)
    #: Where a reply stands in the conversation.
    message = models.ForeignKey(
        Message, models.SET_NULL, null=True, blank=True, related_name="+"
    )

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("e-mail received")
        verbose_name_plural = _("e-mails received")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["ticket", "digest"], name="one_row_per_mail"
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.ticket.label} · {self.sender}"


class Mailbox(models.Model):
    """How far the installation's mailbox has been read."""

    #: User, host and folder.
    name = models.CharField(max_length=300, unique=True)
    #: The server's UIDVALIDITY: where it changes, numbers begin anew.
    validity = models.BigIntegerField()
    #: Mails up to this number have been looked at, and what was ours is stored.
    last_uid = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name
