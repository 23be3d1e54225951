"""Message: one utterance in a conversation."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.scoping import AccountQuerySet
from core.models import UUIDModel


class Message(UUIDModel):
    """One utterance."""

    class Author(models.TextChoices):
        CONTACT = "contact", _("Customer")
        ASSISTANT = "assistant", _("Assistant")
        SUPPORT = "support", _("Support")
        SYSTEM = "system", _("System")

    class State(models.TextChoices):
        #: A contact's message that nobody has dealt with yet.
        WAITING = "waiting", _("Waiting")
        ANSWERED = "answered", _("Answered")
        HANDED_OVER = "handed_over", _("Handed over")
        IGNORED = "ignored", _("Ignored")
        #: Nobody could be reached, or the reply could not be delivered.
        FAILED = "failed", _("Failed")
        #: A reply on its way, and a reply that arrived.
        SENDING = "sending", _("Sending")
        SENT = "sent", _("Sent")
        #: Committed, but a person acted before it left.
        WITHHELD = "withheld", _("Withheld")

    # Both are found by indexes that begin with them; one of its own is smaller, so that
    # PostgreSQL took it and read the whole conversation.
    account = models.ForeignKey(
        Account, models.CASCADE, related_name="+", db_index=False
    )
    conversation = models.ForeignKey(
        "conversations.Conversation",
        models.CASCADE,
        related_name="messages",
        db_index=False,
    )
    author = models.CharField(_("author"), max_length=10, choices=Author.choices)
    #: The member of staff who wrote it.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True
    )
    text = models.TextField(_("text"))
    #: What came with it: `dataclasses.asdict` of `integrations.adapters.inbound.Attachment`.
    attachments = models.JSONField(
        _("attachments"), default=list, blank=True, db_default=[]
    )
    state = models.CharField(_("state"), max_length=12, choices=State.choices)
    #: Why it is in this state: `low_confidence`, `person_acted`.
    reason = models.CharField(_("reason"), max_length=40, blank=True)
    external_id = models.CharField(max_length=200, blank=True)
    #: Probability from 0 to 1 that the answer is right; only on answers.
    confidence = models.FloatField(_("confidence"), null=True, blank=True)
    #: What the answer rests on, best first: title, confidence, entry_type,
    #: entry_id, revision.
    sources = models.JSONField(_("sources"), default=list, blank=True)
    #: Greeting and AI notice, with which the first reply begins: the link of them.
    preamble = models.TextField(
        _("greeting and AI notice"), blank=True, editable=False, db_default=""
    )
    #: On replies of the assistant: newest of the contact's messages that it has read.
    answers_up_to = models.BigIntegerField(null=True, blank=True, editable=False)
    #: Milliseconds from the first waiting word to this reply.
    latency_ms = models.PositiveIntegerField(null=True, blank=True)
    #: Number of the live event that brought it.
    seq = models.BigIntegerField(default=0)

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["conversation", "external_id"],
                condition=~models.Q(external_id=""),
                name="one_message_per_external_id",
            ),
            models.CheckConstraint(
                condition=models.Q(confidence__isnull=True)
                | models.Q(confidence__gte=0, confidence__lte=1),
                name="confidence_is_a_probability",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["conversation", "id"], name="message_in_order"),
            models.Index(
                fields=["conversation", "id"],
                condition=models.Q(state="waiting"),
                name="message_waiting",
            ),
            models.Index(fields=["account", "-id"], name="message_by_account"),
            models.Index(
                fields=["account", "-id"],
                condition=models.Q(state="failed"),
                name="message_failed",
            ),
        ]

    def __str__(self) -> str:
        return str(self.uuid)
