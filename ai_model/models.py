"""Assistant (settings and prompts of one account), Turn, Usage."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.scoping import AccountQuerySet
from ai_model.confidence import DEFAULT_THRESHOLD
from ai_model.providers import REGISTRY
from ai_model.providers import models as provider_models
from conversations.models import Conversation, Message
from core.models import UUIDModel
from knowledge.models import note_change

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def default_chain() -> list[str]:
    """The order in which providers are asked; those without a key are passed over."""
    return ["gemini", "openai", "local"]


class Assistant(models.Model):
    """How the assistant of one account answers."""

    account = models.OneToOneField(
        Account, models.CASCADE, related_name="assistant", primary_key=True
    )
    #: Keys of providers, first choice first.
    chain = models.JSONField(
        _("providers"), default=default_chain, help_text=_("First choice first.")
    )
    #: Model per provider key; a provider that is missing uses its default.
    model_names = models.JSONField(_("models"), default=dict, blank=True)
    temperature = models.FloatField(
        _("temperature"),
        default=0.2,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
    )
    max_tokens = models.PositiveIntegerField(
        _("longest answer in tokens"),
        default=800,
        validators=[MinValueValidator(50), MaxValueValidator(8000)],
    )
    auto_response = models.BooleanField(_("answers by itself"), default=True)
    #: Answers below this probability of being right are not given; empty: the
    #: shipped threshold.
    threshold = models.FloatField(
        _("threshold"),
        null=True,
        blank=True,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
    )
    #: What customers of this business say when they want a person.
    phrases = models.JSONField(_("handoff phrases"), default=list, blank=True)
    #: Empty: always open. Else `{"mon": [["09:00", "17:00"]], …}`.
    business_hours = models.JSONField(_("business hours"), default=dict, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=50, default="UTC")

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("assistant")
        verbose_name_plural = _("assistants")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(threshold__isnull=True)
                | models.Q(threshold__gte=0, threshold__lte=1),
                name="threshold_is_a_probability",
            ),
            models.CheckConstraint(
                condition=models.Q(temperature__gte=0, temperature__lte=1),
                name="temperature_between_0_and_1",
            ),
        ]

    def __str__(self) -> str:
        return str(self.account)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep the settings, and let running workers know."""
        with transaction.atomic():
            super().save(*args, **kwargs)
            note_change(self.account_id)

    @property
    def effective_threshold(self) -> float:
        """The account's threshold, or the shipped one."""
        return DEFAULT_THRESHOLD if self.threshold is None else self.threshold

    def clean(self) -> None:
        """Refuse unknown providers, retired models and hours that cannot be read."""
        errors: dict[str, Any] = {}
        unknown = [key for key in self.chain if key not in REGISTRY]
        if unknown or not self.chain:
            known = ", ".join(REGISTRY)
            errors["chain"] = _("Name one or more of: %(known)s.") % {"known": known}
        for key, name in self.model_names.items():
            problem = provider_models.check_model(key, name, dt.date.today())  # noqa: DTZ011
            if problem:
                errors["model_names"] = problem
        if not self._has_readable_hours():
            errors["business_hours"] = _(
                'Write hours as {"mon": [["09:00", "17:00"]]} and a known time zone.'
            )
        if errors:
            raise ValidationError(errors)

    def _has_readable_hours(self) -> bool:
        try:
            zoneinfo.ZoneInfo(self.time_zone)
            return not self.business_hours or all(
                day in _DAYS
                and all(
                    dt.time.fromisoformat(start) < dt.time.fromisoformat(end)
                    for start, end in spans
                )
                for day, spans in self.business_hours.items()
            )
        except (ValueError, TypeError, AttributeError, zoneinfo.ZoneInfoNotFoundError):
            return False

    def is_open(self, at: dt.datetime) -> bool:
        """Whether the business is open at this time; always, when no hours are set."""
        if not self.business_hours:
            return True
        local = at.astimezone(zoneinfo.ZoneInfo(self.time_zone))
        day = _DAYS[local.weekday()]
        return any(
            dt.time.fromisoformat(start) <= local.time() < dt.time.fromisoformat(end)
            for start, end in self.business_hours.get(day, [])
        )


class Prompt(models.Model):
    """One version of one of the texts that tell the assistant about the business."""

    class Kind(models.TextChoices):
        MANUAL = "manual", _("Manual prompt")
        KNOWLEDGE_SOURCE = "knowledge_source", _("Knowledge source")
        PRODUCT = "product", _("Product / service")
        QUESTION_ANSWER = "question_answer", _("Question / answer")

    account = models.ForeignKey(Account, models.CASCADE, related_name="prompts")
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    text = models.TextField(_("text"), blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("prompt")
        verbose_name_plural = _("prompts")
        ordering: ClassVar = ["kind", "-version"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "kind", "version"], name="one_prompt_per_version"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.version}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep the text, and let running workers know."""
        with transaction.atomic():
            super().save(*args, **kwargs)
            note_change(self.account_id)


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

    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="turns")
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
    #: Milliseconds per step: wait, retrieve, complete, commit.
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
    """What one account used of one model on one day."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="usage")
    day = models.DateField(_("day"))
    provider = models.CharField(_("provider"), max_length=20)
    model = models.CharField(_("model"), max_length=100)
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
                fields=["account", "day", "provider", "model"],
                name="one_usage_row_per_day_and_model",
            )
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.day} {self.provider}"
