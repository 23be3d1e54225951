"""Entries as they are searched, a page at a time."""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING, Final

from knowledge.chunks import chunks
from knowledge.index import Document
from knowledge.models import Entry, Example

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Entries read at once.
PAGE: Final = 500

#: Approved questions of an entry that the search learns from, real and made-up ones.
MOST_USED = 100


def pages_of(account_id: int, most: int | None = None) -> Iterator[list[Document]]:
    """The documents of published entries, in the order of the entries' ids.

    Of more than ``most`` entries some are drawn, the same ones each time.
    """
    rows = Entry.objects.filter(account_id=account_id).published()
    if most is not None and rows.count() > most:
        keys = list(rows.order_by("id").values_list("id", flat=True))
        drawn = sorted(random.Random(0).sample(keys, most))  # noqa: S311 (no secret)
        for start in range(0, len(drawn), PAGE):
            yield _documents(list(rows.filter(pk__in=drawn[start : start + PAGE])))
        return
    after = 0
    while page := page_of(account_id, after=after, size=PAGE):
        yield page
        after = page[-1].key


def page_of(account_id: int, *, after: int, size: int) -> list[Document]:
    """The documents of the next published entries, whose ids follow `after`."""
    rows = Entry.objects.filter(account_id=account_id, pk__gt=after).published()
    return _documents(list(rows.order_by("id")[:size]))


def _documents(entries: list[Entry]) -> list[Document]:
    # One query for all; prefetching costs as much as all else here.
    approved = Example.objects.filter(
        entry__in=[each.pk for each in entries], status=Example.Status.APPROVED
    )
    questions: dict[int, list[Example]] = {}
    for each in approved.order_by("id"):
        questions.setdefault(each.entry_id, []).append(each)
    return [
        document
        for entry in entries
        for document in documents_of(entry, questions.get(entry.pk, ()))
    ]


def documents_of(entry: Entry, approved: Iterable[Example] = ()) -> list[Document]:
    """The entry in pieces, at least one; its newest approved questions go with each.

    `approved` comes oldest first.
    """
    made_up: list[str] = []
    real: list[str] = []
    for each in approved:
        is_made_up = each.origin == Example.Origin.GENERATED
        (made_up if is_made_up else real).append(each.text)
    return [
        Document(
            key=entry.pk,
            entry=entry.public_id,
            title=entry.title,
            body=body,
            # Words of a few kinds, which an index would hold a hundred thousand times.
            lang=sys.intern(str(entry.lang)),
            entry_type=sys.intern(str(entry.entry_type)),
            revision=entry.revision,
            visibility=sys.intern(str(entry.visibility)),
            examples=tuple(real[-MOST_USED:]),
            generated=tuple(made_up[-MOST_USED:]),
        )
        for body in chunks(entry.title, entry.body)
    ]
