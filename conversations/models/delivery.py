"""Delivery: one thing on its way to the provider, and how far it has come."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.scoping import AccountQuerySet
from conversations.models.message import Message
from core.models import UUIDModel


class Delivery(UUIDModel):
    """One part of a message, or news of a handoff, on its way to the provider."""

    class Kind(models.TextChoices):
        TEXT = "text", _("Text")
        #: A person's words in a template, after the time in which we may reply.
        TEMPLATE = "template", _("Template")
        #: Only staff see it, in the provider's own app.
        NOTE = "note", _("Note")
        #: Tells the provider that people reply now; the text is a note for them.
        HAND_OFF = "hand_off", _("Handoff")
        #: Tells the provider that the assistant replies again.
        HAND_BACK = "hand_back", _("Handback")

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        #: A worker has it, but nothing has left yet.
        CLAIMED = "claimed", _("Claimed")
        SENDING = "sending", _("Sending")
        SENT = "sent", _("Sent")
        #: As the provider reports it, where it does.
        DELIVERED = "delivered", _("Delivered")
        READ = "read", _("Read")
        FAILED = "failed", _("Failed")
        #: It left, but whether it arrived cannot be found out; never repeated.
        UNCERTAIN = "uncertain", _("Uncertain")
        #: A person acted first.
        WITHHELD = "withheld", _("Withheld")

    #: Kinds that tell who replies, and states in which a part is still to leave.
    NEWS = (Kind.HAND_OFF, Kind.HAND_BACK)
    OPEN = (State.WAITING, State.CLAIMED, State.SENDING)

    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    conversation = models.ForeignKey(
        "conversations.Conversation", models.CASCADE, related_name="deliveries"
    )
    # Found by the unique key, which begins with it.
    message = models.ForeignKey(
        Message,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="deliveries",
        db_index=False,
    )
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.TEXT)
    #: Position within the message, from 0.
    part = models.PositiveSmallIntegerField(default=0)
    text = models.TextField()
    #: The conversation's epoch in which it may leave; empty: a person wrote it.
    epoch = models.PositiveIntegerField(null=True, blank=True)
    state = models.CharField(
        max_length=10, choices=State.choices, default=State.WAITING
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    #: Not before this time.
    due_at = models.DateTimeField()
    worker = models.BigIntegerField(null=True, blank=True)
    #: An attempt may have arrived: look at the provider before sending again.
    must_look = models.BooleanField(default=False)
    external_id = models.CharField(max_length=200, blank=True)
    error = models.CharField(max_length=300, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["message", "part"], name="one_delivery_per_part"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(state="waiting"),
                name="delivery_due",
            ),
            models.Index(
                fields=["conversation", "id"],
                condition=models.Q(state__in=["waiting", "claimed", "sending"]),
                name="delivery_open",
            ),
            models.Index(
                fields=["worker"],
                condition=models.Q(worker__isnull=False),
                name="delivery_claimed",
            ),
            models.Index(
                fields=["account", "-id"],
                condition=models.Q(state__in=["failed", "uncertain"]),
                name="delivery_in_trouble",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.message_id}/{self.part}"
