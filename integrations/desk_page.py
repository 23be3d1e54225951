"""The steps by which an owner connects a help desk, each a form of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _

from integrations import desk_setup, desks
from integrations.portal.base import CredentialsForm, Outcome
from integrations.views import SECRET_HEADER

if TYPE_CHECKING:
    from django.http import HttpRequest, QueryDict

    from integrations.desks.base import FormField
    from integrations.models import Desk

#: What a rule of the desk sends us: ids only, for other words break the JSON.
RULE_CONTENT = '{"ticket_id": "{{ticket.id}}", "event": "{{triggered_event}}"}'
_INPUTS: dict[str, type[forms.Widget]] = {
    "number": forms.NumberInput,
    "date": forms.DateInput,
}


class ValuesForm(forms.Form):
    """What goes into every ticket, and the field that holds our reference."""

    def __init__(self, desk: Desk, data: QueryDict | None = None) -> None:
        super().__init__(data, auto_id="field-%s")
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


def connect(request: HttpRequest, desk: Desk) -> Outcome:
    """Take name and key, if the desk accepts the key, and read its form."""
    fields = desks.get(desk.provider).credential_fields
    form = CredentialsForm(desk, fields, request.POST)
    if not form.is_valid():
        return Outcome(problem=form.problem)
    desk.name, entered = form.taken()
    was_new = not desk.settings.get("form")
    desk_setup.set_credentials(desk, {**desk.credentials, **entered})
    desk_setup.look(desk)
    desk.is_active = desk.is_active or was_new
    desk.save(update_fields=["name", "credentials", "settings", "is_active", "error"])
    return Outcome(_("Connected as %(agent)s.") % {"agent": desk.settings["agent"]})


def read_form(request: HttpRequest, desk: Desk) -> Outcome:
    """Read the desk's form again."""
    desk_setup.look(desk)
    desk.save(update_fields=["settings", "error"])
    return Outcome(_("The form was read again."))


def set_values(request: HttpRequest, desk: Desk) -> Outcome:
    """Take what goes into every ticket."""
    form = ValuesForm(desk, request.POST)
    if not form.is_valid():
        name, errors = next(iter(form.errors.items()))
        return Outcome(problem=f"{form.fields[name].label}: {errors[0]}")
    entered = dict(form.cleaned_data)
    field = entered.pop("reference_field")
    mails_customer = entered.pop("mails_customer")
    desk_setup.set_values(desk, entered, reference_field=field)
    desk.settings["mails_customer"] = mails_customer
    desk.save(update_fields=["settings"])
    return Outcome(_("Saved."))


def test(request: HttpRequest, desk: Desk) -> Outcome:
    """Make a ticket in the owner's name."""
    user: Any = request.user
    made = desk_setup.make_test_ticket(
        desk, name=user.get_full_name() or user.get_username(), email=user.email
    )
    desk.note_error("")
    return Outcome(_("Ticket %(number)s was made.") % {"number": made.external_id})


def renew(request: HttpRequest, desk: Desk) -> Outcome:
    """Make the webhook's address and secret anew, and show them once."""
    desk_setup.renew_webhook(desk)
    return Outcome(
        shown={
            "webhook_url": f"{settings.PUBLIC_URL}{desk.webhook_path}",
            "webhook_header": f"{SECRET_HEADER}: {desk.credentials['hook_secret']}",
        }
    )


def context(request: HttpRequest, desk: Desk) -> dict[str, Any]:
    """What the pages show; of a step that failed, what was entered."""
    entered = request.POST if request.POST.get("step") == "set_values" else None
    return {
        "is_connected": bool(desk.settings.get("form")),
        "missing": ", ".join(desk_setup.missing(desk)),
        "values_form": ValuesForm(desk, entered),
        "rule_content": RULE_CONTENT,
    }
