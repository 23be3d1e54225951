"""Lists by keyset: a page begins where the one before has ended."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.core import signing
from django.db.models import Q

from core.exceptions import InvalidPayload

if TYPE_CHECKING:
    from django.db.models import QuerySet

_SALT = "core.paging"


def page_of(
    rows: QuerySet[Any], *, limit: int, cursor: str = "", by: str = ""
) -> tuple[list[Any], str | None]:
    """The next rows, newest first, and the cursor of those after them.

    `by` names a time that they are ordered by before they are by id. Raises
    `InvalidPayload` for a cursor that is none of ours.
    """
    if cursor:
        rows = rows.filter(_older_than(cursor, by))
    found = list(rows.order_by(*([f"-{by}"] if by else []), "-pk")[: limit + 1])
    is_last = len(found) <= limit
    found = found[:limit]
    return found, None if is_last else _cursor_of(found[-1], by)


def _cursor_of(row: Any, by: str) -> str:
    at: dt.datetime | None = getattr(row, by) if by else None
    return signing.dumps([by, at and at.isoformat(), row.pk], salt=_SALT)


def _older_than(cursor: str, by: str) -> Q:
    try:
        order, at, key = signing.loads(cursor, salt=_SALT)
    except signing.BadSignature as exc:
        raise InvalidPayload("This cursor is not one of ours.") from exc
    if order != by:
        raise InvalidPayload("This cursor belongs to another list.")
    if not by:
        return Q(pk__lt=key)
    place = dt.datetime.fromisoformat(at)
    # The first condition is what an index is entered with.
    older = Q(**{f"{by}__lt": place}) | Q(pk__lt=key)
    return Q(**{f"{by}__lte": place}) & older
