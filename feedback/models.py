"""Feedback: one rating of one message."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.scoping import AccountQuerySet
from conversations.models import Conversation, Message
from core.models import UUIDModel


class Feedback(UUIDModel):
    """What a contact said of one reply of the assistant; given once, never changed."""

    class Rating(models.TextChoices):
        #: Thumbs up and thumbs down.
        HELPFUL = "helpful", _("Helpful")
        UNHELPFUL = "unhelpful", _("Not helpful")

    class AgentType(models.TextChoices):
        CUSTOMER = "customer", _("Customers")
        SUPPORT = "support", _("Staff")
        #: Developers try things out; nothing is learned from it.
        TEST = "test", _("Test")

    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    #: Whose contact gave it.
    conversation = models.ForeignKey(
        Conversation, models.CASCADE, related_name="feedback"
    )
    message = models.OneToOneField(
        Message, models.CASCADE, related_name="feedback", verbose_name=_("message")
    )
    rating = models.CharField(_("rating"), max_length=10, choices=Rating.choices)
    comment = models.TextField(_("comment"), blank=True)
    agent_type = models.CharField(
        _("agent"), max_length=10, choices=AgentType.choices, default=AgentType.CUSTOMER
    )
    #: The person, as told with the rating.
    name = models.CharField(_("name"), max_length=200, blank=True)
    email = models.CharField(_("e-mail"), max_length=254, blank=True)
    #: The CRM's own id of the message.
    external_id = models.CharField(max_length=200, blank=True)

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("feedback")
        verbose_name_plural = _("feedback")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["conversation", "external_id"],
                condition=~models.Q(external_id=""),
                name="one_feedback_per_external_id",
            ),
            models.CheckConstraint(
                condition=models.Q(rating__in=["helpful", "unhelpful"]),
                name="feedback_rating_is_known",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["account", "-id"], name="feedback_by_account")
        ]

    def __str__(self) -> str:
        return f"{self.message_id} · {self.get_rating_display()}"
