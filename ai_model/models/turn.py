"""Turn: what one answer came of; Usage: what a model cost in a day."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.scoping import AccountQuerySet
from conversations.models import Conversation, Message
from core.models import UUIDModel


class Turn(UUIDModel):
    """One attempt to answer what waits in a conversation, with all it explains.

    Written at its end; while it runs, its claim stands on the conversation.
    """

    class State(models.TextChoices):
        #: An answer was committed.
        ANSWERED = "answered", _("Answered")
        #: The contact was offered, or given to, a person.
        HANDED_OVER = "handed_over", _("Handed over")
        #: The answer was thrown away: a person acted, or more words came.
        DROPPED = "dropped", _("Dropped")
        #: The worker died or the turn broke; the words wait for the next attempt.
        FAILED = "failed", _("Failed")

    # Both are found by indexes that begin with them.
    account = models.ForeignKey(
        Account, models.CASCADE, related_name="+", db_index=False
    )
    conversation = models.ForeignKey(
        Conversation, models.CASCADE, related_name="turns", db_index=False
    )
    #: The contact's messages this turn answers: all of theirs from first to last.
    first_message_id = models.BigIntegerField()
    last_message_id = models.BigIntegerField()
    reply = models.OneToOneField(
        Message, models.SET_NULL, null=True, blank=True, related_name="turn"
    )
    state = models.CharField(_("state"), max_length=12, choices=State.choices)
    #: Why it ended so: `answered`, `low_confidence`, `no_results`, `asked_for_person`,
    #: `person_acted`, `more_words`, `timeout`, `provider_error`, …
    reason = models.CharField(_("reason"), max_length=40, blank=True)
    epoch = models.PositiveIntegerField()
    attempt = models.PositiveSmallIntegerField(default=1)
    worker = models.BigIntegerField()
    #: What was searched for, and the entries found with their scores, best first.
    query = models.TextField(blank=True)
    retrieved = models.JSONField(default=list, blank=True)
    confidence = models.FloatField(_("confidence"), null=True, blank=True)
    #: The same before the account's adjustment, comparable over the years.
    raw_confidence = models.FloatField(null=True, blank=True, editable=False)
    threshold = models.FloatField(_("threshold"), null=True, blank=True)
    #: Version of each prompt that was used, by kind.
    prompt_versions = models.JSONField(default=dict, blank=True)
    provider = models.CharField(_("provider"), max_length=20, blank=True)
    model = models.CharField(_("model"), max_length=100, blank=True)
    #: Providers that failed before, as [key, error code].
    failures = models.JSONField(default=list, blank=True)
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)
    #: In US dollars; empty where the price is not known.
    cost = models.DecimalField(max_digits=12, decimal_places=6, null=True, blank=True)
    #: What was done with each attachment: its kind, the outcome and who read it.
    attachments = models.JSONField(default=list, blank=True, db_default=[])
    #: Milliseconds per step: wait, read, retrieve, complete, commit.
    timings = models.JSONField(default=dict, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("turn")
        verbose_name_plural = _("turns")
        indexes: ClassVar = [
            models.Index(fields=["conversation", "-id"], name="turn_of_conversation"),
            models.Index(fields=["account", "-id"], name="turn_by_account"),
        ]

    def __str__(self) -> str:
        return str(self.uuid)


class Usage(models.Model):
    """What one account used of one model on one day, for one user's programs."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="usage")
    day = models.DateField(_("day"))
    provider = models.CharField(_("provider"), max_length=20)
    model = models.CharField(_("model"), max_length=100)
    #: The user whose program asked through the API, as they were called then; empty:
    #: customers did, or we ourselves.
    username = models.CharField(_("user"), max_length=150, blank=True, default="")
    requests = models.PositiveIntegerField(_("requests"), default=0)
    failures = models.PositiveIntegerField(_("failures"), default=0)
    tokens_in = models.PositiveBigIntegerField(_("tokens in"), default=0)
    tokens_out = models.PositiveBigIntegerField(_("tokens out"), default=0)
    #: In US dollars, as far as prices are known.
    cost = models.DecimalField(_("cost"), max_digits=14, decimal_places=6, default=0)
    #: Sum of milliseconds; divided by requests it is the mean.
    latency_ms = models.PositiveBigIntegerField(_("time in ms"), default=0)

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("usage")
        verbose_name_plural = _("usage")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "day", "provider", "model", "username"],
                name="one_usage_row_per_day_model_and_user",
            )
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.day} {self.provider}"
