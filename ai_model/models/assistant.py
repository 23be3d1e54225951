"""Assistant: the settings of one account."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.scoping import AccountQuerySet
from ai_model import hours, prompts
from ai_model.confidence import DEFAULT_THRESHOLD
from ai_model.providers import REGISTRY
from ai_model.providers import models as provider_models
from ai_model.risk import prior_threshold
from knowledge import search

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from django_stubs_ext import StrOrPromise


#: Fields that say how much may be spent on models, by period and unit.
SPENDING_LIMITS: Final = {
    ("day", "cost"): "daily_cost_limit",
    ("day", "tokens"): "daily_token_limit",
    ("day", "requests"): "daily_request_limit",
    ("month", "cost"): "monthly_cost_limit",
    ("month", "tokens"): "monthly_token_limit",
    ("month", "requests"): "monthly_request_limit",
}

#: The account's own words by language, which stand in messages to customers.
TEXTS: Final = ("greeting_texts", "disclosure_texts", "outside_texts")
#: Characters of one of them: the narrowest channel shows no more in one message.
MOST_CHARACTERS: Final = 1000


def default_chain() -> list[str]:
    """The order in which providers are asked; those without a key are passed over."""
    return ["gemini", "openai", "local"]


def _money_field(label: StrOrPromise) -> models.DecimalField[Any, Any]:
    least = MinValueValidator(0)
    return models.DecimalField(
        label,
        max_digits=12,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[least],
    )


def _number_field(label: StrOrPromise) -> models.PositiveBigIntegerField[Any, Any]:
    return models.PositiveBigIntegerField(label, null=True, blank=True)


class Assistant(models.Model):
    """How the assistant of one account answers."""

    class Tone(models.TextChoices):
        NEUTRAL = "neutral", _("Neutral")
        FORMAL = "formal", _("Formal")
        FRIENDLY = "friendly", _("Friendly")

    class OutsideHours(models.TextChoices):
        """What happens while the business is closed."""

        #: As while it is open.
        ANSWER = "answer", _("Answer")
        #: As while it is open; who needs a person is told when there will be one.
        PROMISE = "promise", _("Answer, and promise a person")
        #: People have the conversation, and the customer is told when they are back.
        HAND_OVER = "hand_over", _("Hand over to people")
        #: Only a message is sent; the conversation stays with the assistant.
        MESSAGE = "message", _("Send a message")

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
    #: Share of the answers that may be wrong; the threshold follows from it, unless
    #: one is set.
    wrong_budget = models.FloatField(
        _("wrong answers allowed"),
        null=True,
        blank=True,
        validators=[MinValueValidator(0.005), MaxValueValidator(0.5)],
    )
    #: Off unless asked for: each new or changed entry costs a call of the model.
    makes_questions = models.BooleanField(
        _("makes up questions"),
        default=False,
        help_text=_(
            "Lets the model write questions that customers may ask about each new or"
            " changed entry. They wait under Learned questions until you approve them."
        ),
    )
    # What may be spent on models, in a day or month of UTC; empty: as much as it takes.
    daily_cost_limit = _money_field(_("US dollars a day"))
    monthly_cost_limit = _money_field(_("US dollars a month"))
    daily_token_limit = _number_field(_("tokens a day"))
    monthly_token_limit = _number_field(_("tokens a month"))
    daily_request_limit = _number_field(_("requests a day"))
    monthly_request_limit = _number_field(_("requests a month"))
    #: Share of a limit from which on the owners are warned.
    limit_warning = models.FloatField(
        _("warns from"),
        default=0.8,
        validators=[MinValueValidator(0.01), MaxValueValidator(1.0)],
    )
    #: What customers of this business say when they want a person.
    phrases = models.JSONField(_("handoff phrases"), default=list, blank=True)
    tone = models.CharField(
        _("tone"), max_length=10, choices=Tone.choices, default=Tone.NEUTRAL
    )
    #: Codes of the languages that may be answered in; empty: the customer's own.
    languages = models.JSONField(_("languages"), default=list, blank=True)
    #: Spoken to customers whose language is none of those.
    fallback_language = models.CharField(
        _("otherwise"), max_length=12, blank=True, default=""
    )
    #: The first reply of a conversation says that an AI answers.
    discloses_ai = models.BooleanField(
        _("says that it is an AI"),
        default=True,
        help_text=_(
            "The first reply of each conversation says so, and the reply keeps which"
            " words it were. In many countries customers have a right to know."
        ),
    )
    # The account's own words by language; a language that is missing gets ours.
    greeting_texts = models.JSONField(_("greeting"), default=dict, blank=True)
    disclosure_texts = models.JSONField(_("AI notice"), default=dict, blank=True)
    outside_texts = models.JSONField(
        _("message outside hours"), default=dict, blank=True
    )
    #: Empty: always open. Else `{"mon": [["09:00", "17:00"]], …}`.
    business_hours = models.JSONField(_("business hours"), default=dict, blank=True)
    #: `{"2026-12-24": [["09:00", "12:00"]], "12-25": []}`: other hours on one date, or
    #: none on a day of every year.
    special_days = models.JSONField(
        _("holidays and exceptions"), default=dict, blank=True
    )
    time_zone = models.CharField(_("time zone"), max_length=50, default="UTC")
    outside_hours = models.CharField(
        _("outside business hours"),
        max_length=10,
        choices=OutsideHours.choices,
        default=OutsideHours.HAND_OVER,
    )

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
            models.CheckConstraint(
                condition=models.Q(wrong_budget__isnull=True)
                | models.Q(wrong_budget__gt=0, wrong_budget__lte=0.5),
                name="wrong_budget_is_at_most_half",
            ),
            models.CheckConstraint(
                condition=models.Q(limit_warning__gt=0, limit_warning__lte=1),
                name="limit_warning_is_a_share",
            ),
            models.CheckConstraint(
                condition=models.Q(daily_cost_limit__isnull=True)
                | models.Q(daily_cost_limit__gte=0),
                name="daily_cost_limit_is_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(monthly_cost_limit__isnull=True)
                | models.Q(monthly_cost_limit__gte=0),
                name="monthly_cost_limit_is_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return str(self.account)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep the settings, and let running workers know."""
        with transaction.atomic():
            super().save(*args, **kwargs)
            search.note_other_change(self.account_id)

    @property
    def effective_threshold(self) -> float:
        """The one that was set, else what the budget allows, else the shipped one."""
        if self.threshold is not None:
            return self.threshold
        if self.wrong_budget is None:
            return DEFAULT_THRESHOLD
        known = getattr(self.account, "calibration", None)
        if known is None or known.budget != self.wrong_budget:
            # The budget is newer than what is known of it.
            return round(prior_threshold(self.wrong_budget, DEFAULT_THRESHOLD), 4)
        return float(known.threshold)

    @property
    def spending_limits(self) -> dict[tuple[str, str], Decimal]:
        """The limits that are set, by period and unit."""
        set_ = ((key, getattr(self, name)) for key, name in SPENDING_LIMITS.items())
        return {key: Decimal(value) for key, value in set_ if value is not None}

    @property
    def hours(self) -> hours.Hours:
        """When the business is open; raises ValueError where that cannot be read."""
        return hours.Hours.read(self.business_hours, self.special_days, self.time_zone)

    def is_open(self, at: dt.datetime) -> bool:
        """Whether the business is open at this time; always, when no hours are set.

        Hours that cannot be read, as with a time zone that this machine does not know,
        silence nobody: `validate` tells of them.
        """
        if not self.business_hours and not self.special_days:
            return True
        try:
            return self.hours.is_open(at)
        except ValueError:
            return True

    def hands_over_at(self, at: dt.datetime) -> bool:
        """Whether people reply at this time, because the business is closed."""
        hands_over = self.outside_hours == self.OutsideHours.HAND_OVER
        return hands_over and not self.is_open(at)

    def answers_at(self, at: dt.datetime) -> bool:
        """Whether it answers at this time: open, or set to answer all the same."""
        modes = self.OutsideHours
        is_tireless = self.outside_hours in (modes.ANSWER, modes.PROMISE)
        return is_tireless or self.is_open(at)

    def language_for(self, lang: str) -> str:
        """The language in which somebody who writes in this one is answered."""
        if not self.languages or lang.partition("-")[0] in self.languages:
            return lang
        return self.fallback_language

    def clean(self) -> None:
        """Refuse what cannot work: providers, models, hours, languages, texts."""
        checks = (
            self._provider_problems(),
            self._hours_problems(),
            self._language_problems(),
            self._text_problems(),
        )
        errors = {field: words for check in checks for field, words in check}
        if errors:
            raise ValidationError(errors)

    def _provider_problems(self) -> Iterator[tuple[str, Any]]:
        chain = self.chain if isinstance(self.chain, list) else []
        if not chain or any(key not in REGISTRY for key in chain):
            known = ", ".join(REGISTRY)
            yield "chain", _("Name one or more of: %(known)s.") % {"known": known}
        elif len(set(chain)) < len(chain):
            yield "chain", _("Name each provider once.")
        for key, name in self.model_names.items():
            problem = provider_models.check_model(key, name, timezone.localdate())
            if problem:
                yield "model_names", problem

    def _hours_problems(self) -> Iterator[tuple[str, Any]]:
        readers = (
            ("time_zone", hours.read_zone, _("There is no such time zone.")),
            (
                "business_hours",
                hours.read_week,
                _('Write hours as {"mon": [["09:00", "17:00"]]}.'),
            ),
            (
                "special_days",
                hours.read_special,
                _('Write days as {"2026-12-24": [["09:00", "12:00"]], "12-25": []}.'),
            ),
        )
        is_readable = True
        for field, read, words in readers:
            try:
                read(getattr(self, field))
            except ValueError:
                is_readable = False
                yield field, words
        now = timezone.now()
        if is_readable and not self.is_open(now) and not self.hours.next_opening(now):
            yield "business_hours", _("With these hours the business never opens.")

    def _language_problems(self) -> Iterator[tuple[str, Any]]:
        known = ", ".join(prompts.LANGUAGES)
        languages = self.languages if isinstance(self.languages, list) else [""]
        if any(each not in prompts.LANGUAGES for each in languages):
            yield "languages", _("Name languages out of: %(known)s.") % {"known": known}
        elif self.fallback_language not in ("", *prompts.LANGUAGES):
            words = _("Name languages out of: %(known)s.") % {"known": known}
            yield "fallback_language", words
        elif languages and self.fallback_language not in languages:
            yield (
                "fallback_language",
                _("Choose one of the languages that are answered in."),
            )

    def _text_problems(self) -> Iterator[tuple[str, Any]]:
        for field in TEXTS:
            texts = getattr(self, field)
            if not _are_texts(texts):
                yield field, _('Write texts by language, as in {"en": "Welcome!"}.')
            elif self._grows_too_long(field):
                words = _("Write at most %(most)d characters for each language.")
                yield field, words % {"most": MOST_CHARACTERS}

    def _grows_too_long(self, field: str) -> bool:
        """Whether a text is too long; one from before there was a limit may stay."""
        texts = getattr(self, field).values()
        long = {each for each in texts if len(each) > MOST_CHARACTERS}
        if not long:
            return False
        rows = Assistant.objects.filter(pk=self.pk)
        former = rows.values_list(field, flat=True).first() or {}
        return not long <= set(former.values())


def _are_texts(value: Any) -> bool:
    """Whether it is a text for each of some languages that lines are written in."""
    known = {code for code, _name in settings.LANGUAGES}
    return isinstance(value, dict) and all(
        lang in known and isinstance(text, str) for lang, text in value.items()
    )
