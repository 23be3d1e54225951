"""Narrowing a list of entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db.models import Q

if TYPE_CHECKING:
    from collections.abc import Mapping

    from knowledge.models import EntryQuerySet

_PLAIN: Final = {
    "status": "status",
    "entry_type": "entry_type",
    "visibility": "visibility",
    "lang": "lang",
    "source": "read_from__uuid",
}


def matching(rows: EntryQuerySet, wanted: Mapping[str, Any]) -> EntryQuerySet:
    """The entries of which all of this is true: values by the names of the API."""
    rows = rows.filter(
        **{field: wanted[name] for name, field in _PLAIN.items() if name in wanted}
    )
    if "tag" in wanted:
        rows = rows.tagged(wanted["tag"])
    if "entry_id" in wanted:
        rows = rows.named([wanted["entry_id"]])
    if "q" in wanted:
        rows = rows.filter(_says(wanted["q"]))
    return rows


def _says(text: str) -> Q:
    # SQLite knows the capitals of Latin letters only.
    ways = {text, text.lower(), text.upper(), text.capitalize(), text.title()}
    said = Q()
    for way in ways:
        said |= Q(title__icontains=way) | Q(body__icontains=way)
    return said | Q(external_id__icontains=text)
