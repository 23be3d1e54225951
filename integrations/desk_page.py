"""The owner's page that connects a help desk, step by step.

Each step is a form of its own. None runs inside the administration's transaction: the
desk is asked over the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.exceptions import AppError
from integrations import desk_setup, desks
from integrations.views import SECRET_HEADER

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, QueryDict

    from integrations.desks.base import FormField
    from integrations.models import Desk

#: What a rule of the desk sends us: ids only, for other words break the JSON.
RULE_CONTENT = '{"ticket_id": "{{ticket.id}}", "event": "{{triggered_event}}"}'
_INPUTS: dict[str, type[forms.Widget]] = {
    "number": forms.NumberInput,
    "date": forms.DateInput,
}


class ConnectForm(forms.Form):
    """Name and credentials; what is stored is not shown."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)

    def __init__(self, desk: Desk, data: QueryDict | None = None) -> None:
        super().__init__(data, initial={"name": desk.name})
        for field in desks.get(desk.provider).credential_fields:
            known = desk.credentials.get(field.name, "")
            state = _("set; leave empty to keep it") if known else ""
            widget = forms.PasswordInput if field.is_secret else forms.TextInput
            self.fields[field.name] = forms.CharField(
                label=_(field.label),
                required=not known,
                initial="" if field.is_secret else known,
                help_text=state if field.is_secret else "",
                max_length=200,
                widget=widget(attrs={"autocomplete": "new-password"}),
            )


class ValuesForm(forms.Form):
    """What goes into every ticket, and the field that holds our reference."""

    def __init__(self, desk: Desk, data: QueryDict | None = None) -> None:
        super().__init__(data)
        form = desk_setup.form_of(desk)
        values = desk.settings.get("values", {})
        chosen = desk.settings.get("reference_field", "")
        for field in form:
            if field.is_required or not field.can_hold_reference:
                self.fields[field.name] = _input(field, values.get(field.name))
        texts = [(each.name, each.label) for each in form if each.can_hold_reference]
        self.fields["mails_customer"] = forms.BooleanField(
            label=_("The desk confirms tickets by e-mail itself"),
            required=False,
            initial=desk.settings.get("mails_customer", False),
            help_text=_("Then we send no confirmation of our own."),
        )
        self.fields["reference_field"] = forms.ChoiceField(
            label=_("Field for our reference"),
            required=False,
            initial=chosen,
            choices=[("", _("none: a tag and the subject")), *texts],
            help_text=_(
                "By it a ticket is found again when an answer of the desk got lost."
            ),
        )


def _input(field: FormField, value: Any) -> forms.Field:
    initial = "" if value is None else str(value)
    if field.kind == "boolean":
        choices = [("", "–"), ("True", _("Yes")), ("False", _("No"))]
    else:
        choices = [("", "–"), *((str(each), name) for each, name in field.choices)]
    # A field that is required may be left empty for now: the page says what is missing.
    if field.kind in ("choice", "boolean"):
        return forms.ChoiceField(
            label=_marked(field), required=False, initial=initial, choices=choices
        )
    return forms.CharField(
        label=_marked(field),
        required=False,
        initial=initial,
        max_length=500,
        widget=_INPUTS.get(field.kind, forms.TextInput),
    )


def _marked(field: FormField) -> str:
    return f"{field.label} *" if field.is_required else field.label


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step has come to."""

    #: What to tell the owner.
    text: str
    #: Empty: it went well, and the page is shown anew.
    problem: str = ""
    shows_webhook: bool = False


def take(request: HttpRequest, desk: Desk) -> Outcome:
    """Take the step that the owner has sent."""
    step = STEPS.get(request.POST.get("step", ""))
    if step is None:
        return Outcome("", _("There is no such step."))
    try:
        return step(request, desk)
    except AppError as exc:
        return Outcome("", str(exc))


def _connect(request: HttpRequest, desk: Desk) -> Outcome:
    form = ConnectForm(desk, request.POST)
    if not form.is_valid():
        return Outcome("", _first_error(form))
    entered = {name: each for name, each in form.cleaned_data.items() if each}
    desk.name = entered.pop("name")
    was_new = not desk.settings.get("form")
    desk_setup.set_credentials(desk, {**desk.credentials, **entered})
    desk_setup.look(desk)
    desk.is_active = desk.is_active or was_new
    desk.save(update_fields=["name", "credentials", "settings", "is_active", "error"])
    return Outcome(_("Connected as %(agent)s.") % {"agent": desk.settings["agent"]})


def _read_form(request: HttpRequest, desk: Desk) -> Outcome:
    desk_setup.look(desk)
    desk.save(update_fields=["settings", "error"])
    return Outcome(_("The form was read again."))


def _set_values(request: HttpRequest, desk: Desk) -> Outcome:
    form = ValuesForm(desk, request.POST)
    if not form.is_valid():
        return Outcome("", _first_error(form))
    entered = dict(form.cleaned_data)
    field = entered.pop("reference_field")
    mails_customer = entered.pop("mails_customer")
    desk_setup.set_values(desk, entered, reference_field=field)
    desk.settings["mails_customer"] = mails_customer
    desk.save(update_fields=["settings"])
    return Outcome(_("Saved."))


def _test(request: HttpRequest, desk: Desk) -> Outcome:
    user: Any = request.user
    made = desk_setup.make_test_ticket(
        desk, name=user.get_full_name() or user.get_username(), email=user.email
    )
    desk.note_error("")
    return Outcome(_("Ticket %(number)s was made.") % {"number": made.external_id})


def _renew(request: HttpRequest, desk: Desk) -> Outcome:
    desk_setup.renew_webhook(desk)
    return Outcome("", shows_webhook=True)


def _switch(request: HttpRequest, desk: Desk) -> Outcome:
    desk.is_active = not desk.is_active
    desk.save(update_fields=["is_active"])
    return Outcome(_("In use.") if desk.is_active else _("Not in use."))


STEPS: dict[str, Callable[[HttpRequest, Desk], Outcome]] = {
    "connect": _connect,
    "read_form": _read_form,
    "set_values": _set_values,
    "test": _test,
    "renew": _renew,
    "switch": _switch,
}


def _first_error(form: forms.Form) -> str:
    name, errors = next(iter(form.errors.items()))
    return f"{form.fields[name].label}: {errors[0]}"


def context(request: HttpRequest, desk: Desk, outcome: Outcome) -> dict[str, Any]:
    """What the page shows; of a step that failed, what was entered."""
    data = request.POST if outcome.problem else None
    step = request.POST.get("step") if data is not None else ""
    found: dict[str, Any] = {
        "desk": desk,
        "problem": outcome.problem,
        "connect_form": ConnectForm(desk, data if step == "connect" else None),
        "is_connected": bool(desk.settings.get("form")),
        "missing": ", ".join(desk_setup.missing(desk)),
        "values_form": ValuesForm(desk, data if step == "set_values" else None),
        "rule_content": RULE_CONTENT,
    }
    if outcome.shows_webhook:
        found["webhook_url"] = f"{settings.PUBLIC_URL}{desk.webhook_path}"
        found["webhook_header"] = f"{SECRET_HEADER}: {desk.credentials['hook_secret']}"
    return found
