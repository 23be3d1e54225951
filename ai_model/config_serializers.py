"""The assistant's configuration as JSON; the names on the wire are fixed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.validators import ProhibitSurrogateCharactersValidator

from ai_model import configuring, control, handling, providers, spending
from ai_model.models import Assistant, Prompt
from ai_model.providers import chain
from ai_model.usage_serializers import StandingSerializer

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Longest prompt in characters.
_MAX_PROMPT = 20_000
#: Largest number that a limit may have.
_MOST = 10**15

#: What the public API calls the kinds of prompts.
PROMPTS: Final = {
    "manual_prompt": Prompt.Kind.MANUAL,
    "knowledge_source": Prompt.Kind.KNOWLEDGE_SOURCE,
    "product_service": Prompt.Kind.PRODUCT,
    "question_answer": Prompt.Kind.QUESTION_ANSWER,
}


@extend_schema_field({"type": "object"})
class _ObjectField(serializers.JSONField):
    """An object, as JSON also in a form."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            value = super().to_internal_value(data)
        except RecursionError:
            self.fail("invalid")
        if not isinstance(value, dict):
            raise serializers.ValidationError("This must be an object.")
        for text in _texts(value):
            _NO_NUL(text)
            _NO_SURROGATES(text)
        return value


#: What texts everywhere else are checked for by their fields.
_NO_NUL = ProhibitNullCharactersValidator()
_NO_SURROGATES = ProhibitSurrogateCharactersValidator()


def _texts(value: Any) -> Iterator[str]:
    """All names and texts in it, however deep."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            waiting += [*each, *each.values()]
        elif isinstance(each, list):
            waiting += each


class PromptsSerializer(serializers.Serializer[Any]):
    """What the assistant is told about the business."""

    manual_prompt = serializers.CharField(
        max_length=_MAX_PROMPT, allow_blank=True, required=False
    )
    knowledge_source = serializers.CharField(
        max_length=_MAX_PROMPT, allow_blank=True, required=False
    )
    product_service = serializers.CharField(
        max_length=_MAX_PROMPT, allow_blank=True, required=False
    )
    question_answer = serializers.CharField(
        max_length=_MAX_PROMPT, allow_blank=True, required=False
    )


def _limit_in_money(source: str) -> serializers.DecimalField:
    return serializers.DecimalField(
        source=source,
        max_digits=12,
        decimal_places=4,
        min_value=0,
        allow_null=True,
        required=False,
    )


def _limit_in_numbers() -> serializers.IntegerField:
    return serializers.IntegerField(
        min_value=0, max_value=_MOST, allow_null=True, required=False
    )


class ConfigSerializer(serializers.Serializer[Any]):
    """All that decides how the assistant of an account answers."""

    auto_response_enabled = serializers.BooleanField(
        source="auto_response", required=False
    )
    #: Providers as they are asked, first choice first.
    provider_chain = serializers.ListField(
        source="chain",
        child=serializers.ChoiceField(list(providers.REGISTRY)),
        min_length=1,
        required=False,
    )
    #: The model of the first provider that has some; stands in `model_names` too.
    model_name = serializers.CharField(max_length=100, required=False)
    model_names = _ObjectField(required=False)
    temperature = serializers.FloatField(min_value=0, max_value=1, required=False)
    max_tokens = serializers.IntegerField(min_value=50, max_value=8000, required=False)
    #: Answers below it are not given; null: it follows from the budget.
    confidence_threshold = serializers.FloatField(
        source="threshold", min_value=0, max_value=1, allow_null=True, required=False
    )
    #: Share of the answers that may be wrong.
    wrong_answer_budget = serializers.FloatField(
        source="wrong_budget",
        min_value=0.005,
        max_value=0.5,
        allow_null=True,
        required=False,
    )
    handoff_phrases = serializers.ListField(
        source="phrases",
        child=serializers.CharField(max_length=100),
        max_length=200,
        required=False,
    )
    tone = serializers.ChoiceField(Assistant.Tone.choices, required=False)
    #: Codes of the languages that are answered in; empty: the customer's own.
    languages = serializers.ListField(
        child=serializers.CharField(max_length=12), max_length=50, required=False
    )
    #: Spoken to customers whose language is none of those.
    fallback_language = serializers.CharField(
        max_length=12, allow_blank=True, required=False
    )
    #: The first reply says that an AI answers.
    discloses_ai = serializers.BooleanField(required=False)
    # The account's own words by language; one that is missing gets ours.
    greeting_texts = _ObjectField(required=False)
    disclosure_texts = _ObjectField(required=False)
    outside_texts = _ObjectField(required=False)
    #: `{"mon": [["09:00", "17:00"]]}`; empty: always open.
    business_hours = _ObjectField(required=False)
    #: `{"2026-12-24": [["09:00", "12:00"]], "12-25": []}`.
    special_days = _ObjectField(required=False)
    time_zone = serializers.CharField(max_length=50, required=False)
    outside_hours = serializers.ChoiceField(
        Assistant.OutsideHours.choices, required=False
    )
    makes_questions = serializers.BooleanField(required=False)
    # What may be spent on models in a day or month of UTC; null: as much as it takes.
    daily_cost_limit_usd = _limit_in_money("daily_cost_limit")
    monthly_cost_limit_usd = _limit_in_money("monthly_cost_limit")
    daily_token_limit = _limit_in_numbers()
    monthly_token_limit = _limit_in_numbers()
    daily_request_limit = _limit_in_numbers()
    monthly_request_limit = _limit_in_numbers()
    #: Share of a limit from which on the owners are warned.
    limit_warning = serializers.FloatField(min_value=0.01, max_value=1, required=False)
    prompts = PromptsSerializer(required=False)

    def validate_model_names(self, value: dict[str, Any]) -> dict[str, Any]:
        """Names of models by provider."""
        for key, name in value.items():
            if key not in providers.REGISTRY or not isinstance(name, str):
                known = ", ".join(providers.REGISTRY)
                raise serializers.ValidationError(
                    f"Name models by provider; there are: {known}."
                )
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Change the assistant, which refuses what cannot be."""
        assistant: Assistant = self.context["assistant"]
        values = {name: value for name, value in attrs.items() if name != "prompts"}
        name = values.pop("model_name", None)
        try:
            configuring.changed(assistant, values)
            if name is not None:
                configuring.changed(assistant, {"model_names": _named(assistant, name)})
        except ValidationError as exc:
            raise serializers.ValidationError(
                {
                    self._wire_name(each, name): words
                    for each, words in exc.message_dict.items()
                }
            ) from exc
        return attrs

    def _wire_name(self, field: str, model_name: str | None) -> str:
        """The name under which a field of the assistant was sent."""
        if field == "model_names" and model_name is not None:
            return "model_name"
        return next(name for name, each in self.fields.items() if each.source == field)


class ProviderStateSerializer(serializers.Serializer[Any]):
    """A provider of the chain, and whether it can answer."""

    key = serializers.ChoiceField(list(providers.REGISTRY))
    is_configured = serializers.BooleanField()
    #: Its calls fail now, and it is passed over.
    is_failing = serializers.BooleanField()


class ConfigStateSerializer(ConfigSerializer):
    """The configuration as it stands, with what follows from it."""

    # What is sent is a plain field; what stands is worked out.
    model_name = serializers.SerializerMethodField()  # type: ignore[assignment]
    prompts = serializers.SerializerMethodField()  # type: ignore[assignment]
    #: The threshold in force.
    effective_threshold = serializers.FloatField()
    #: A provider of the chain that needs a key has one.
    api_key_configured = serializers.SerializerMethodField()
    #: What keeps the assistant from replying now, as a reason; empty: nothing.
    obstacle = serializers.SerializerMethodField()
    providers = serializers.SerializerMethodField()
    #: How each spending limit stands.
    spending = serializers.SerializerMethodField()
    #: Models that no limit in money stops, where there is one.
    models_without_price = serializers.SerializerMethodField()

    @extend_schema_field(StandingSerializer(many=True))
    def get_spending(self, assistant: Assistant) -> Any:
        return StandingSerializer(spending.standings_of(assistant), many=True).data

    def get_models_without_price(self, assistant: Assistant) -> list[str]:
        return [name for _provider, name in control.unpriced(assistant)]

    def get_model_name(self, assistant: Assistant) -> str:
        return configuring.model_name(assistant)

    def get_prompts(self, assistant: Assistant) -> dict[str, str]:
        texts = configuring.prompts_of(assistant.account)
        return {name: texts[kind] for name, kind in PROMPTS.items()}

    def get_api_key_configured(self, assistant: Assistant) -> bool:
        usable = providers.usable(assistant.chain)
        return any(each.key != "local" for each in usable)

    def get_obstacle(self, assistant: Assistant) -> str:
        return handling.known_obstacle(assistant)

    @extend_schema_field(ProviderStateSerializer(many=True))
    def get_providers(self, assistant: Assistant) -> list[dict[str, Any]]:
        known = [providers.get(key) for key in assistant.chain]
        return [
            {
                "key": each.key,
                "is_configured": each.is_configured(),
                "is_failing": chain.is_failing_anywhere(each),
            }
            for each in known
        ]


def _named(assistant: Assistant, name: str) -> dict[str, str]:
    """The models by provider, with this one for the provider that is asked first."""
    key = configuring.model_provider(assistant)
    if not key:
        raise ValidationError({"model_names": "No provider of the chain has models."})
    if name == configuring.model_name(assistant):
        # Also where it is the installation's, whatever that will be.
        return dict(assistant.model_names)
    return {**assistant.model_names, key: name}
