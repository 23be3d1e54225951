"""Storing many entries at once, and archiving what a source has lost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils import timezone

from knowledge.importing.items import Item, Problem
from knowledge.importing.report import Report
from knowledge.models import Entry, Revision, hold_knowledge, note_change

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from accounts.models import Account, User
    from knowledge.models import Source

#: Entries stored in one transaction, and the seconds that the first of them waits.
BATCH = 500
BATCH_S = 2.0

#: What an import may change in an entry.
_ALWAYS = ("title", "body", "entry_type", "lang", "source")
_IF_STATED = ("tags", "status", "visibility")
#: Ids that are looked up in one statement.
_MOST_KEYS = 500


def import_entries(
    *,
    account: Account,
    items: Iterable[Item | Problem],
    author: User | None = None,
    source: Source | None = None,
    on_progress: Callable[[Report], None] = lambda _: None,
) -> Report:
    """Store entries; those known by their id are updated.

    Status, visibility and tags stay where an item does not state them; an entry that
    was archived because its source had lost it comes back. Sections that a document
    has no more are archived. Commits in batches. The knowledge's version grows once,
    at the end and in any case, so that running services read the entries of a
    broken-off import too.
    """
    report = Report()
    documents: set[str] = set()
    seen: set[str] = set()
    try:
        for batch in _batches(items):
            good = [each for each in batch if isinstance(each, Item)]
            report.problems += [each for each in batch if isinstance(each, Problem)]
            if good:
                _store(account, good, author, source, report)
            of_documents = [each for each in good if each.document]
            documents.update(each.document for each in of_documents)
            seen.update(each.external_id for each in of_documents)
            on_progress(report)
        if documents:
            report.removed += _archive_former_sections(account, documents, seen)
    finally:
        note_change(account.pk)
    return report


@transaction.atomic
def archive_gone(account_id: int, keys: Iterable[int]) -> int:
    """Archive entries whose source has lost them; returns how many.

    The caller tells the indexes.
    """
    hold_knowledge([account_id])
    found = list(keys)
    now = timezone.now()
    return sum(
        Entry.objects.filter(pk__in=found[start : start + _MOST_KEYS])
        .exclude(status=Entry.Status.ARCHIVED)
        .update(status=Entry.Status.ARCHIVED, gone_at=now, updated_at=now)
        for start in range(0, len(found), _MOST_KEYS)
    )


def _archive_former_sections(
    account: Account, documents: set[str], seen: set[str]
) -> int:
    rows = Entry.objects.for_account(account).filter(external_id__contains="#")
    rows = rows.exclude(status=Entry.Status.ARCHIVED)
    former = [
        key
        for key, name in rows.values_list("pk", "external_id")
        if name not in seen and name.rpartition("#")[0] in documents
    ]
    return archive_gone(account.pk, former)


def _batches(items: Iterable[Item | Problem]) -> Iterator[list[Item | Problem]]:
    """Batches that are full, or have waited long enough: pages come slowly."""
    batch: list[Item | Problem] = []
    due = time.monotonic() + BATCH_S
    for item in items:
        batch.append(item)
        if len(batch) >= BATCH or time.monotonic() >= due:
            yield batch
            batch, due = [], time.monotonic() + BATCH_S
    if batch:
        yield batch


def _store(
    account: Account,
    items: list[Item],
    author: User | None,
    source: Source | None,
    report: Report,
) -> None:
    try:
        _store_once(account, items, author, source, report)
    except IntegrityError:
        # Somebody else added one of them just now; this time it is found.
        _store_once(account, items, author, source, report)


@transaction.atomic
def _store_once(
    account: Account,
    items: list[Item],
    author: User | None,
    source: Source | None,
    report: Report,
) -> None:
    hold_knowledge([account.pk])
    names = [item.external_id for item in items]
    rows = Entry.objects.select_for_update().filter(
        account=account, external_id__in=names
    )
    known: dict[str, Entry] = {row.external_id: row for row in rows.order_by("pk")}
    new = [
        _entry(account, item, source) for item in items if item.external_id not in known
    ]
    changed: list[Entry] = []
    reworded: list[Entry] = []
    for item in items:
        entry = known.get(item.external_id)
        if entry is None or not _differs(entry, item):
            continue
        if (entry.title, entry.body) != (item.title, item.body):
            entry.revision += 1
            reworded.append(entry)
        _take_over(entry, item)
        changed.append(entry)
    Entry.objects.bulk_create(new)
    # The rows are there and locked; this is four times as fast as `bulk_update`.
    Entry.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=[*_ALWAYS, *_IF_STATED, "gone_at", "revision", "updated_at"],
    )
    Revision.objects.bulk_create(
        Revision(
            entry=entry,
            number=entry.revision,
            title=entry.title,
            body=entry.body,
            author=author,
        )
        for entry in [*new, *reworded]
    )
    _adopt(known.values(), source)
    report.added += len(new)
    report.changed += len(changed)
    report.unchanged += len(items) - len(new) - len(changed)


def _adopt(entries: Iterable[Entry], source: Source | None) -> None:
    """Note from which source the entries are read from now on."""
    if source is None:
        return
    foreign = [each.pk for each in entries if each.read_from_id != source.pk]
    if foreign:
        Entry.objects.filter(pk__in=foreign).update(read_from=source)


def _entry(account: Account, item: Item, source: Source | None) -> Entry:
    entry = Entry(account=account, external_id=item.external_id, read_from=source)
    _take_over(entry, item)
    return entry


def _take_over(entry: Entry, item: Item) -> None:
    if _comes_back(entry):
        entry.status = Entry.Status.PUBLISHED
    entry.gone_at = None
    for name in _ALWAYS:
        setattr(entry, name, getattr(item, name))
    for name, value in _stated(item):
        setattr(entry, name, value)
    entry.updated_at = timezone.now()


def _differs(entry: Entry, item: Item) -> bool:
    # Another place in the file is no change.
    wanted = [(name, getattr(item, name)) for name in _ALWAYS if name != "source"]
    return _comes_back(entry) or any(
        getattr(entry, name) != value for name, value in [*wanted, *_stated(item)]
    )


def _stated(item: Item) -> list[tuple[str, str | list[str]]]:
    """What the item says about things that it need not speak of."""
    values: list[tuple[str, str | list[str]]] = []
    if item.tags is not None:
        values.append(("tags", list(item.tags)))
    if item.status:
        values.append(("status", item.status))
    if item.visibility:
        values.append(("visibility", item.visibility))
    return values


def _comes_back(entry: Entry) -> bool:
    return entry.gone_at is not None and entry.status == Entry.Status.ARCHIVED
