"""A number that no database has room for is taken for that of no row.

Django does so where a column of numbers is compared, and forgets relations and lists:
there such a number, which anybody may write into an address, is an `OverflowError` of
SQLite.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import BigIntegerField, ForeignObject, IntegerField
from django.db.models.fields.related_lookups import RelatedExact, RelatedIn
from django.db.models.lookups import In


def _has_room(value: Any) -> bool:
    return not isinstance(value, int) or abs(value) <= BigIntegerField.MAX_BIGINT


def _with_room(values: Any) -> Any:
    """A list without such numbers; a query as it is."""
    return list(filter(_has_room, values)) if isinstance(values, list) else values


@ForeignObject.register_lookup
class KeyExact(RelatedExact):
    """One row of a relation."""

    def process_rhs(self, compiler: Any, connection: Any) -> Any:
        if not _has_room(self.rhs):
            raise EmptyResultSet
        return super().process_rhs(compiler, connection)


@ForeignObject.register_lookup
class KeyIn(RelatedIn):
    """Some rows of a relation."""

    def get_prep_lookup(self) -> Any:
        return _with_room(super().get_prep_lookup())


@IntegerField.register_lookup
class NumberIn(In):
    """Some numbers."""

    def get_prep_lookup(self) -> Any:
        return _with_room(super().get_prep_lookup())
