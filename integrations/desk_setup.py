"""Connecting a desk: its key is tried, its form is read, and a ticket is tried out."""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _

from core import http
from core.exceptions import InvalidPayload
from integrations import desks
from integrations.desks.base import FormField, TicketDraft
from integrations.models import Desk
from integrations.services import check_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from accounts.models import Account
    from integrations.desks.base import Ticket

#: Credentials that we make ourselves, for the webhook back.
_HOOK = ("hook_token", "hook_secret")


def new_desk(
    *, account: Account, provider: str, credentials: Mapping[str, str], name: str = ""
) -> Desk:
    """A desk that is not saved yet; raises `InvalidPayload`."""
    if provider not in desks.REGISTRY:
        known = ", ".join(desks.REGISTRY)
        raise InvalidPayload(f"There is no desk “{provider}”; there are: {known}.")
    label = name.strip() or desks.get(provider).label
    if len(label) > 100:
        raise InvalidPayload("The name of a desk has at most 100 characters.")
    desk = Desk(account=account, provider=provider, name=label)
    set_credentials(desk, credentials)
    return desk


def set_credentials(desk: Desk, credentials: Mapping[str, str]) -> None:
    """Take what an owner entered; the webhook's secrets stay. Raises `InvalidPayload`."""
    fields = desks.get(desk.provider).credential_fields
    entered = {k: each for k, each in credentials.items() if k not in _HOOK}
    usable = check_fields(desk.provider, fields, entered)
    kept = {name: desk.credentials.get(name) or _secret() for name in _HOOK}
    desk.credentials = {**usable, **kept}


def look(desk: Desk) -> None:
    """Ask the desk who we are and what its form is like; raises `ProviderError`.

    Nothing is saved.
    """
    agent, form = http.run(_ask(desk))
    desk.settings = {
        **desk.settings,
        "agent": agent,
        "form": [asdict(each) for each in form],
    }
    desk.error = ""


async def _ask(desk: Desk) -> tuple[str, tuple[FormField, ...]]:
    adapter = desk.adapter
    return await adapter.check(), await adapter.form()


def form_of(desk: Desk) -> tuple[FormField, ...]:
    """The desk's form, as it was when we last looked."""
    return tuple(
        FormField(**{**row, "choices": tuple((v, name) for v, name in row["choices"])})
        for row in desk.settings.get("form", ())
    )


def missing(desk: Desk) -> list[str]:
    """Labels of required fields for which no value is set: no ticket can be made."""
    values = desk.settings.get("values", {})
    return [
        each.label
        for each in form_of(desk)
        if each.is_required and each.name not in values
    ]


def set_values(
    desk: Desk, entered: Mapping[str, str], *, reference_field: str = ""
) -> None:
    """Set what goes into every ticket, from text; raises `InvalidPayload`."""
    form = {each.name: each for each in form_of(desk)}
    strangers = [
        name for name in (*entered, reference_field) if name and name not in form
    ]
    if strangers:
        raise InvalidPayload(f"The desk's form has no “{strangers[0]}”.")
    if reference_field and not form[reference_field].can_hold_reference:
        raise InvalidPayload(f"“{reference_field}” is not a text field.")
    values = {
        name: _value(form[name], text.strip())
        for name, text in entered.items()
        if text.strip() and name != reference_field
    }
    desk.settings = {
        **desk.settings,
        "values": values,
        "reference_field": reference_field,
    }


def _value(field: FormField, text: str) -> Any:
    """The value that a text stands for, of the type that the desk insists on."""
    if field.kind == "choice":
        for value, label in field.choices:
            if text in (str(value), label):
                return value
        raise InvalidPayload(f"“{text}” is no choice of “{field.label}”.")
    try:
        if field.kind == "number":
            return float(text) if "." in text else int(text)
        if field.kind == "date":
            return dt.date.fromisoformat(text).isoformat()
    except ValueError as exc:
        raise InvalidPayload(f"“{text}” does not fit “{field.label}”.") from exc
    if field.kind == "boolean":
        return text.lower() in ("1", "true", "yes", "on")
    return text


def make_test_ticket(desk: Desk, *, name: str, email: str) -> Ticket:
    """Make a ticket that says it is a test; raises `ProviderError`."""
    draft = TicketDraft(
        reference=uuid.uuid4(),
        subject=_("Test ticket from Answerdesk"),
        html=format_html(
            "<p>{}</p>", _("The connection works. This ticket can be closed.")
        ),
        requester_name=name,
        requester_email=email,
        started_at=timezone.now(),
        tags=("test",),
    )
    return http.run(desk.adapter.create(draft))


def renew_webhook(desk: Desk) -> None:
    """Give the webhook a new address and a new secret; the old ones end."""
    desk.credentials = {**desk.credentials, **{name: _secret() for name in _HOOK}}
    desk.save(update_fields=["credentials"])


def _secret() -> str:
    return secrets.token_urlsafe(24)
