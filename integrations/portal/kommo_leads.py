"""What an owner chooses about leads: context, the stage that gives back, a reply bot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import http
from core.exceptions import InvalidPayload
from integrations.adapters.kommo import KommoAdapter
from integrations.facts import cache, facts_of
from integrations.kommo import hooking, keeping
from integrations.kommo.leads import MOST_FIELDS
from integrations.portal.base import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest, QueryDict

    from integrations.kommo.api import Api
    from integrations.models import Channel

#: The type of the field in which a whole reply has room.
_LONG_TEXT: Final = "textarea"


class LeadsForm(forms.Form):
    """What the assistant may read of a lead, and which stage gives it back."""

    about = forms.BooleanField(
        label=gettext_lazy("The assistant may read the lead"),
        required=False,
        help_text=gettext_lazy(
            "Its name, its stage and the fields chosen below go to the language model"
            " with each question."
        ),
    )
    about_fields = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Fields of the lead"),
        required=False,
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
    )
    stage = forms.ChoiceField(
        label=gettext_lazy("Stage that gives back"),
        required=False,
        help_text=gettext_lazy(
            "A lead that is moved into this stage is the assistant's again."
        ),
    )

    def __init__(self, row: Channel, data: QueryDict | None = None) -> None:
        chosen = row.settings
        super().__init__(data, initial=chosen, auto_id="field-%s")
        known = choices_of(row)
        fields = [(key, name) for key, name, *_type in known.get("fields", ())]
        # Types of fields by name do not say that these have choices.
        self.fields["about_fields"].choices = fields  # type: ignore[attr-defined]
        stages = [("", _("none")), *(tuple(each) for each in known.get("stages", ()))]
        self.fields["stage"].choices = stages  # type: ignore[attr-defined]

    def clean_about_fields(self) -> list[int]:
        """As many as a model is given."""
        chosen: list[int] = self.cleaned_data["about_fields"]
        if len(chosen) > MOST_FIELDS:
            raise forms.ValidationError(
                _("Choose at most %(most)s fields.") % {"most": MOST_FIELDS}
            )
        return chosen


class ReplyBotForm(forms.Form):
    """The bot of one step, and the field that it sends."""

    field = forms.TypedChoiceField(
        label=gettext_lazy("Field with the reply"), coerce=int
    )
    bot = forms.TypedChoiceField(label=gettext_lazy("Bot that sends it"), coerce=int)

    def __init__(self, row: Channel, data: QueryDict | None = None) -> None:
        super().__init__(data, initial=row.settings, auto_id="field-%s")
        known = choices_of(row)
        long = [
            (key, name)
            for key, name, kind in known.get("fields", ())
            if kind == _LONG_TEXT
        ]
        # As above.
        self.fields["field"].choices = long  # type: ignore[attr-defined]
        bots = [tuple(each) for each in known.get("bots", ())]
        self.fields["bot"].choices = bots  # type: ignore[attr-defined]


def choices_of(row: Channel) -> Mapping[str, Any]:
    """Fields, stages and bots, as they were when Kommo was last asked."""
    found: Mapping[str, Any] = row.settings.get("choices", {})
    return found


def context(row: Channel) -> dict[str, Any]:
    """The forms, and whether there is anything to choose from."""
    return {
        "leads_form": LeadsForm(row),
        "reply_bot_form": ReplyBotForm(row),
        "has_choices": bool(choices_of(row)),
        "has_reply_bot": "add_message" in hooking.wanted(row.settings),
    }


def save_leads(request: HttpRequest, row: Channel) -> Outcome:
    """Keep what is chosen about leads."""
    form = LeadsForm(row, request.POST)
    if not form.is_valid():
        return _problem(form)
    return _keep(row, form.cleaned_data)


def save_reply_bot(request: HttpRequest, row: Channel) -> Outcome:
    """Have Kommo tell us of messages, and reply by the bot of one step."""
    form = ReplyBotForm(row, request.POST)
    if not form.is_valid():
        return _problem(form)
    return _keep(row, form.cleaned_data)


def drop_reply_bot(request: HttpRequest, row: Channel) -> Outcome:
    """Hear nothing of messages any more but from the widget."""
    return _keep(row, {"bot": None, "field": None})


def read(request: HttpRequest, row: Channel) -> Outcome:
    """Ask Kommo what there is to choose from; raises `ProviderError`."""
    learn_choices(row)
    return Outcome(_("Read from Kommo."))


def learn_choices(row: Channel) -> None:
    """Keep the account's fields, stages and bots; raises `ProviderError`."""
    found = http.run(_ask(KommoAdapter(facts_of(row)).api))
    row.settings = {**row.settings, "choices": found}
    row.save(update_fields=["settings"])
    transaction.on_commit(cache.clear)


async def _ask(api: Api) -> dict[str, Any]:
    most = {"limit": 250}
    fields = await api.call("GET", "/api/v4/leads/custom_fields", params=most)
    pipelines = await api.call("GET", "/api/v4/leads/pipelines", params=most)
    bots = await api.call("GET", "/api/v4/bots", params={"page": 1, **most})
    return {
        "fields": [
            [int(each["id"]), str(each["name"])[:100], str(each.get("type", ""))]
            for each in _rows(fields, "custom_fields")
        ],
        "stages": [
            [
                f"{pipeline['id']}:{each['id']}",
                f"{pipeline['name']} · {each['name']}"[:200],
            ]
            for pipeline in _rows(pipelines, "pipelines")
            for each in _rows(pipeline, "statuses")
        ],
        "bots": [
            [int(each["id"]), str(each.get("name", ""))[:100]]
            for each in _rows(bots, "bots")
        ],
    }


def _rows(found: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = found.get("_embedded", {}).get(name, [])
    return rows


def _keep(row: Channel, chosen: Mapping[str, Any]) -> Outcome:
    """Settle with Kommo what it tells us, and keep what was chosen after that."""
    wanted = {**row.settings, **chosen}
    before, kinds = hooking.wanted(row.settings), hooking.wanted(wanted)
    if kinds:
        _require_address(row)
    if kinds or before:
        keeping.settle(row, kinds)
    row.settings = wanted
    row.save(update_fields=["settings"])
    transaction.on_commit(cache.clear)
    return Outcome(_("Saved."))


def _require_address(row: Channel) -> None:
    """Have a secret for the address, known before Kommo is told."""
    if not settings.PUBLIC_URL:
        raise InvalidPayload(_("This installation does not know its address."))
    if not row.credentials.get("account_id"):
        raise InvalidPayload(_("Connect the account first."))
    if not row.credentials.get("hook_token"):
        row.credentials = {**row.credentials, "hook_token": hooking.new_token()}
        row.save(update_fields=["credentials"])
        cache.clear()


def _problem(form: forms.Form) -> Outcome:
    name, errors = next(iter(form.errors.items()))
    return Outcome(problem=f"{form.fields[name].label}: {errors[0]}")
