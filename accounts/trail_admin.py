"""The audit trail: who did what, when, and from what to what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib import admin
from django.core.exceptions import FieldDoesNotExist
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from accounts.confirming import LABELS
from accounts.models import Change
from accounts.scoped_admin import RecordAdmin
from core.admin import among, when
from core.text import truncate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_stubs_ext import StrOrPromise

#: What is done to one row; actions bring their own words.
VERBS: dict[str, Any] = {
    "added": _("Added"),
    "changed": _("Changed"),
    "deleted": _("Deleted"),
    "close_account": _("Closed the account"),
}
_OTHER: dict[str, Any] = {"count": _("rows"), "format": _("format")}


def _verbs() -> list[tuple[str, Any]]:
    return list((VERBS | LABELS).items())


def _kinds() -> list[tuple[str, Any]]:
    found = [
        (model._meta.label_lower, capfirst(model._meta.verbose_name))
        for model in admin.site._registry
    ]
    return sorted(found, key=lambda each: str(each[1]))


def in_words(change: Change) -> str:
    """What was done, to what kind of thing, called what."""
    return f"{_did(change)}: {_kind(change)} {truncate(change.subject, 60)}"


def _kind(change: Change) -> str:
    model = _model(change)
    return str(model._meta.verbose_name) if model else change.model


def _did(change: Change) -> str:
    return str((VERBS | LABELS).get(change.verb, change.verb))


@admin.register(Change)
class ChangeAdmin(RecordAdmin):
    """Who changed what, and what was it before?"""

    list_display = ("at", "who", "did", "what", "short_values")
    list_filter = (
        among("verb", _("action"), _verbs),
        among("model", _("kind"), _kinds),
        "way",
        when("at"),
    )
    list_select_related = ("account",)
    search_fields = ("name", "subject")
    ordering = ("-id",)
    fields = readonly_fields = ("at", "who", "did", "what", "all_values")
    export_fields = (
        "at", "name", "way", "verb", "model", "object_id", "subject", "values",
    )  # fmt: skip

    @admin.display(description=_("who"), ordering="name")
    def who(self, obj: Change) -> str:
        return f"{obj.name or '–'} ({obj.get_way_display()})"

    @admin.display(description=_("action"), ordering="verb")
    def did(self, obj: Change) -> str:
        return f"{_did(obj)}: {_kind(obj)}"

    @admin.display(description=_("what"))
    def what(self, obj: Change) -> str:
        try:
            name = f"admin:{obj.model.replace('.', '_')}_change"
            address = reverse(name, args=[obj.object_id]) if obj.object_id else ""
        except NoReverseMatch:
            address = ""
        text = truncate(obj.subject, 80)
        return format_html('<a href="{}">{}</a>', address, text) if address else text

    @admin.display(description=_("before → after"))
    def short_values(self, obj: Change) -> str:
        words = (f"{name}: {old} → {new}" for name, old, new in _lines(obj))
        return truncate("; ".join(words), 160)

    @admin.display(description=_("before → after"))
    def all_values(self, obj: Change) -> str:
        return format_html_join(
            "", "<p><strong>{}</strong><br>{} → {}</p>", _lines(obj)
        )


def _model(change: Change) -> Any:
    try:
        return apps.get_model(change.model)
    except (LookupError, ValueError):
        return None


def _lines(change: Change) -> Iterator[tuple[StrOrPromise, str, str]]:
    """Each field by the name that its form has, with both values."""
    model = _model(change)
    for name, (old, new) in change.values.items():
        yield _label(model, name), _shown(old), _shown(new)


def _label(model: Any, name: str) -> StrOrPromise:
    try:
        label: StrOrPromise = model._meta.get_field(name).verbose_name
    except (AttributeError, FieldDoesNotExist):
        label = _OTHER.get(name, name)
    return label


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {each}" for name, each in value.items()) or "–"
    return "–" if value in (None, "", []) else str(value)
