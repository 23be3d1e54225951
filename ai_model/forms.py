"""The assistant's settings as an owner fills them in."""

from __future__ import annotations

import zoneinfo
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ai_model import prompts, providers
from ai_model.hours_fields import SpecialDaysField, WeekField
from ai_model.models import Assistant
from ai_model.providers import models as provider_models
from core.admin import ByNameField, LinesField, PerHundredField

if TYPE_CHECKING:
    from ai_model.providers.models import Model

    AssistantModelForm = forms.ModelForm[Assistant]
else:
    AssistantModelForm = forms.ModelForm

_LANGUAGES: Final = [(code, _(name)) for code, name in prompts.LANGUAGES.items()]
#: Providers that have models to choose from.
_WITH_MODELS: Final = {
    key: each for key, each in providers.REGISTRY.items() if each.default_model()
}


class ModelInput(forms.TextInput):
    """A model's name; those of its provider are offered, with their last days."""

    template_name = "ai_model/model_input.html"

    def __init__(self, provider: str) -> None:
        self.provider = provider
        super().__init__(attrs={"autocomplete": "off"})

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """The input and what can be chosen; compatible servers have other names."""
        attrs |= {
            "list": f"{name}-known",
            "placeholder": providers.get(self.provider).default_model(),
        }
        context = super().get_context(name, value, attrs)
        today = timezone.now().date()
        context["widget"]["models"] = [
            {"name": each.name, "text": model_text(each)}
            for each in provider_models.known(self.provider)
            if each.is_served(today)
        ]
        return context


def model_text(model: Model) -> str:
    """What an owner should know of a model: what it is called, and its last day."""
    if model.retires_on is None:
        return model.label
    day = date_format(model.retires_on, "DATE_FORMAT")
    return gettext("%(model)s, until %(day)s") % {"model": model.label, "day": day}


class TextsField(ByNameField):
    """A text for each language that we speak ourselves."""

    def __init__(self, rows: int = 2, **kwargs: Any) -> None:
        labels = dict(settings.LANGUAGES)
        inputs = {code: forms.Textarea(attrs={"rows": rows}) for code in labels}
        super().__init__(labels, inputs, **kwargs)


class AssistantForm(AssistantModelForm):
    """Lists are written one a line, objects with an input for each name."""

    chain = LinesField(
        label=_("Providers"),
        help_text=format_lazy(
            _("One a line, first choice first. There are: {known}."),
            known=", ".join(providers.REGISTRY),
        ),
    )
    wrong_budget = PerHundredField(
        label=_("Wrong answers allowed, in 100"),
        required=False,
        help_text=_(
            "At most so many in 100 answers shall be wrong: 5 means 5 in 100. The"
            " threshold follows from it, unless you set one yourself."
        ),
    )
    phrases = LinesField(
        label=_("Handoff phrases"),
        required=False,
        help_text=_("What customers say when they want a person; one a line."),
    )
    model_names = ByNameField(
        {key: each.label for key, each in _WITH_MODELS.items()},
        {key: ModelInput(key) for key in _WITH_MODELS},
        label=_("Models"),
        help_text=_("Empty: the one that stands there in grey."),
    )
    languages = forms.MultipleChoiceField(
        choices=_LANGUAGES,
        widget=forms.CheckboxSelectMultiple,
        label=_("Languages"),
        required=False,
        help_text=_("None: every customer is answered in their own language."),
    )
    fallback_language = forms.ChoiceField(
        choices=[("", "–"), *_LANGUAGES],
        label=_("Otherwise"),
        required=False,
        help_text=_("Spoken to customers who write in none of these languages."),
    )
    greeting_texts = TextsField(
        label=_("Greeting"),
        help_text=_("Begins the first reply of each conversation. Empty: none."),
    )
    disclosure_texts = TextsField(
        label=_("AI notice"),
        help_text=_("Your own words for it, in the first reply. Empty: ours."),
    )
    business_hours = WeekField(
        label=_("Business hours"),
        help_text=_(
            "As 09:00-12:00, 13:00-17:00. A day without hours is closed; if all are"
            " empty you are always open. 22:00-02:00 goes on into the next day."
        ),
    )
    special_days = SpecialDaysField(
        label=_("Holidays and exceptions"),
        required=False,
        help_text=_(
            "One a line: “2026-12-24 09:00-12:00” for other hours on a date, “12-25"
            " closed” for a day of every year, “2026-12-27..2027-01-02 closed” for"
            " several days."
        ),
    )
    time_zone = forms.ChoiceField(
        choices=[(name, name) for name in sorted(zoneinfo.available_timezones())],
        label=_("Time zone"),
        initial="UTC",
    )
    outside_texts = TextsField(
        label=_("Message outside hours"),
        help_text=_(
            "What is sent where you chose to send a message. {opening} becomes the"
            " time at which you open again. Empty: our words."
        ),
    )

    limit_warning = PerHundredField(
        label=_("Warns from, in 100"),
        min_value=1,
        max_value=100,
        required=False,
        help_text=_(
            "Owners are written to once so many in 100 of a limit are spent, and once"
            " more when all of it is. Empty: 80."
        ),
    )

    class Meta:
        model = Assistant
        exclude = ()

    def clean_limit_warning(self) -> float:
        return float(self.cleaned_data["limit_warning"] or 0.8)
