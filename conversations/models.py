"""Contact, Conversation, Message, Delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.scoping import AccountQuerySet
from conversations.links import VerificationLink as VerificationLink
from conversations.links import VerificationMark as VerificationMark
from conversations.portraits import Portrait as Portrait
from core.models import UUIDModel
from integrations.models import Channel

if TYPE_CHECKING:
    from accounts.models import User


class Contact(UUIDModel):
    """The person who writes in."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="contacts")
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="contacts")
    #: The provider's id of this person.
    external_id = models.CharField(max_length=200)
    name = models.CharField(_("name"), max_length=200, blank=True)
    email = models.CharField(_("e-mail"), max_length=254, blank=True)
    #: What else the provider or the CRM told: phone, agency, office.
    profile = models.JSONField(default=dict, blank=True)
    #: When the provider is asked who it is; empty: when they write next.
    profile_due_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: When their picture was taken in; empty: there is none.
    portrait_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: When all that tells who it is was taken away.
    anonymised_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["channel", "external_id"], name="one_contact_per_external_id"
            )
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """What support staff see: the name, or a number where there is none."""
        return self.name or f"user-{self.pk}"


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

    account = models.ForeignKey(Account, models.CASCADE, related_name="conversations")
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="conversations")
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

    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    # Found by `message_in_order`; an index of its own is smaller, so that PostgreSQL
    # took it and read the whole conversation.
    conversation = models.ForeignKey(
        Conversation, models.CASCADE, related_name="messages", db_index=False
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
        Conversation, models.CASCADE, related_name="deliveries"
    )
    message = models.ForeignKey(
        Message, models.CASCADE, null=True, blank=True, related_name="deliveries"
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
