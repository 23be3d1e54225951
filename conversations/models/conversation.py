"""Conversation: the thread of one contact on one channel, and who replies in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.scoping import AccountQuerySet
from conversations.models.contact import Contact
from conversations.models.delivery import Delivery
from conversations.models.message import Message
from core.models import UUIDModel
from integrations.models import Channel

if TYPE_CHECKING:
    from accounts.models import User


class ConversationQuerySet(AccountQuerySet["Conversation"]):
    """Conversations, by what is to be done with them."""

    def waiting(self) -> ConversationQuerySet:
        """Conversations with words that the assistant has not dealt with."""
        return self.filter(due_at__isnull=False)


class Conversation(UUIDModel):
    """The thread of one contact on one channel."""

    class Status(models.TextChoices):
        #: The assistant replies.
        ACTIVE = "active", _("Assistant")
        #: People reply.
        SUPPORT_ACTIVE = "support_active", _("Support")
        CLOSED = "closed", _("Closed")

    # Both are found by indexes that begin with them, as those of a message.
    account = models.ForeignKey(
        Account, models.CASCADE, related_name="conversations", db_index=False
    )
    channel = models.ForeignKey(
        Channel, models.CASCADE, related_name="conversations", db_index=False
    )
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="conversations")
    #: The provider's id of this thread.
    external_id = models.CharField(max_length=200)
    #: What the adapter needs to reply here.
    address = models.JSONField(default=dict, blank=True)
    status = models.CharField(
        _("status"), max_length=16, choices=Status.choices, default=Status.ACTIVE
    )
    #: Why people reply, or why the assistant does again.
    status_reason = models.CharField(_("reason"), max_length=40, blank=True)
    #: Grows whenever the right to speak changes hands.
    epoch = models.PositiveIntegerField(default=0)
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        verbose_name=_("taken over by"),
    )
    #: A person is wanted: the assistant had no good answer, or the contact asked.
    needs_person = models.BooleanField(_("needs a person"), default=False)
    #: The assistant's last words offered a person; "yes" accepts.
    has_offer = models.BooleanField(default=False)
    #: Language of the contact's last words, as a code, empty while unknown.
    lang = models.CharField(max_length=12, blank=True)
    #: When the assistant greeted here; with which words says `Message.preamble`.
    greeted_at = models.DateTimeField(null=True, blank=True, editable=False)

    #: Newest message of earlier episodes, of which the assistant reads nothing: what
    #: was said before people gave the conversation back is not taken up again.
    episode_after = models.BigIntegerField(default=0, db_default=0, editable=False)

    # Waiting work, found by an index. The rows are the queue.
    #: When the provider is to be asked whose the thread is; empty: we know.
    look_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: When the assistant shall look at what waits; empty: nothing waits.
    due_at = models.DateTimeField(null=True, blank=True)
    #: When the oldest of the waiting words arrived.
    waiting_since = models.DateTimeField(null=True, blank=True)
    #: Worker that holds the running turn; see `core.lease`.
    worker = models.BigIntegerField(null=True, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    #: Turns begun for the words that wait.
    attempts = models.PositiveSmallIntegerField(default=0)
    #: Newest message of the contact.
    last_inbound_id = models.BigIntegerField(default=0)

    # What lists show, kept here so that they need no counting.
    last_message_at = models.DateTimeField(null=True, blank=True)
    last_text = models.CharField(max_length=200, blank=True)
    unread = models.PositiveIntegerField(default=0)
    #: Number of the live event that last touched this conversation.
    seq = models.BigIntegerField(default=0)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["channel", "external_id"],
                name="one_conversation_per_external_id",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=["active", "support_active", "closed"]),
                name="conversation_status_is_known",
            ),
            models.CheckConstraint(
                condition=models.Q(due_at__isnull=True)
                | models.Q(waiting_since__isnull=False),
                name="waiting_work_has_an_age",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(due_at__isnull=False, worker__isnull=True),
                name="conversation_due",
            ),
            models.Index(
                fields=["look_at"],
                condition=models.Q(look_at__isnull=False),
                name="conversation_to_look_at",
            ),
            models.Index(
                fields=["worker"],
                condition=models.Q(worker__isnull=False),
                name="conversation_claimed",
            ),
            models.Index(
                fields=["waiting_since"],
                condition=models.Q(waiting_since__isnull=False),
                name="conversation_waiting",
            ),
            models.Index(fields=["account", "seq"], name="conversation_by_seq"),
            models.Index(
                fields=["account", "-last_message_at", "-id"],
                name="conversation_by_activity",
            ),
            # The short tabs of the desk, and the desk of somebody with many accounts.
            models.Index(
                fields=["account", "-last_message_at", "-id"],
                condition=models.Q(needs_person=True),
                name="conversation_needing_person",
            ),
            models.Index(
                fields=["account", "-last_message_at", "-id"],
                condition=models.Q(status="support_active"),
                name="conversation_with_support",
            ),
            models.Index(
                fields=["-last_message_at", "-id"], name="conversation_newest"
            ),
        ]

    def __str__(self) -> str:
        return str(self.uuid)

    def give_to_support(self, reason: str, user: User | None = None) -> None:
        """People reply from now on; what waited and what has not left stays here.

        The caller holds the row's lock and saves `TURNOVER_FIELDS`.
        """
        self._turn_over(self.Status.SUPPORT_ACTIVE, reason)
        self.assigned_to = user
        self.needs_person = user is None
        self._settle_waiting(Message.State.HANDED_OVER, reason)

    def give_to_assistant(self, reason: str) -> None:
        """The assistant replies from now on; as `give_to_support`."""
        self._turn_over(self.Status.ACTIVE, reason)
        self.assigned_to = None
        self.needs_person = False
        newest = self.messages.order_by("-id").values_list("id", flat=True).first()
        self.episode_after = newest or 0

    def close(self, reason: str) -> None:
        """Nobody replies until the contact writes again; as `give_to_support`."""
        self._turn_over(self.Status.CLOSED, reason)
        self.needs_person = False
        self._settle_waiting(Message.State.IGNORED, reason)

    #: What the three verbs change.
    TURNOVER_FIELDS = (
        "status",
        "status_reason",
        "epoch",
        "assigned_to",
        "needs_person",
        "has_offer",
        "greeted_at",
        "episode_after",
        "due_at",
        "waiting_since",
        "attempts",
    )

    def _turn_over(self, status: str, reason: str) -> None:
        self.status = status
        self.status_reason = reason
        self.epoch += 1
        self.has_offer = False
        self.due_at = None
        self.waiting_since = None
        self.attempts = 0
        self._withhold(self.deliveries.all(), reason)

    def withhold_words(self, reason: str) -> None:
        """What the assistant has still to say stays here; as `give_to_support`.

        For a person who speaks where people reply already.
        """
        self._withhold(self.deliveries.filter(kind=Delivery.Kind.TEXT), reason)

    def _withhold(self, deliveries: models.QuerySet[Delivery], reason: str) -> None:
        withheld = deliveries.filter(
            state__in=[Delivery.State.WAITING, Delivery.State.CLAIMED],
            epoch__isnull=False,
        )
        fields = ("message_id", "part", "message__preamble")
        parts = list(withheld.values_list(*fields))
        if any(part == 0 and preamble for _, part, preamble in parts):
            # It never left, so the next reply is the first one.
            self.greeted_at = None
        if messages := [message for message, *_ in parts]:
            withheld.update(state=Delivery.State.WITHHELD, worker=None)
            self.messages.filter(pk__in=messages).update(
                state=Message.State.WITHHELD, reason=reason
            )

    def _settle_waiting(self, state: str, reason: str) -> None:
        waiting = self.messages.filter(state=Message.State.WAITING)
        waiting.update(state=state, reason=reason)
