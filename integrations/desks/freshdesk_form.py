"""Freshdesk's ticket form, as `GET /ticket_fields` tells it."""

from __future__ import annotations

from typing import Any, Final, Literal

from integrations.desks.base import FormField

#: What stands before the name of a field that the desk itself has added.
CUSTOM: Final = "custom_fields."
#: What a new ticket always has from us.
_OURS: Final = {"requester", "subject", "description", "status", "source"}
#: Fields whose name in a ticket differs from that in the form.
_NAMES: Final = {
    "ticket_type": "type",
    "group": "group_id",
    "agent": "responder_id",
    "product": "product_id",
    "company": "company_id",
}
#: Not required as a rule, but they decide who sees a ticket first.
_ROUTING: Final = {"type", "group_id", "priority"}
_TEXTS: Final = {"custom_text", "custom_paragraph"}

Kind = Literal["text", "number", "boolean", "date", "choice"]
_KINDS: Final[dict[str, Kind]] = {
    "custom_number": "number",
    "custom_decimal": "number",
    "custom_checkbox": "boolean",
    "custom_date": "date",
    "default_company": "number",
}


def read_form(rows: list[dict[str, Any]]) -> tuple[FormField, ...]:
    """What the owner may or must set, and the fields that can hold our reference."""
    found = [field for row in rows for field in _fields(row)]
    return tuple(
        field
        for field in found
        if field.is_required or field.can_hold_reference or field.name in _ROUTING
    )


def _fields(row: dict[str, Any]) -> list[FormField]:
    name, kind = str(row.get("name", "")), str(row.get("type", ""))
    if not name or name in _OURS:
        return []
    is_own = row.get("default") is False
    prefix = CUSTOM if is_own else ""
    is_required = row.get("required_for_agents") is True
    choices = _choices(row.get("choices"))
    field = FormField(
        name=prefix + (name if is_own else _NAMES.get(name, name)),
        label=str(row.get("label") or name),
        kind="choice" if choices else _KINDS.get(kind, "text"),
        # Ours has a value of its own for the priority.
        is_required=is_required and name != "priority",
        choices=choices,
        can_hold_reference=is_own and kind in _TEXTS,
    )
    deeper = row.get("nested_ticket_fields") or row.get("dependent_fields") or []
    return [
        field,
        *(
            FormField(
                name=prefix + str(each["name"]),
                label=str(each.get("label") or each["name"]),
                is_required=is_required,
            )
            for each in deeper
            if isinstance(each, dict) and each.get("name")
        ),
    ]


def _choices(given: Any) -> tuple[tuple[str | int, str], ...]:
    """They are a list of values, or an object of numbers or of deeper choices."""
    if isinstance(given, dict):
        return tuple(
            (value if isinstance(value, int) else label, label)
            for label, value in given.items()
        )
    if isinstance(given, list):
        values = [
            each.get("value") if isinstance(each, dict) else each for each in given
        ]
        return tuple((each, str(each)) for each in values if each)
    return ()
