"""The search indexes of accounts: built from their entries, kept while they are true."""

from __future__ import annotations

import threading
from collections import OrderedDict

from accounts.models import Account
from knowledge.index import Document, Index
from knowledge.models import Entry

#: Indexes that one process keeps; the one that was not used longest goes first.
MOST = 256

_lock = threading.Lock()
_indexes: OrderedDict[int, tuple[int, Index]] = OrderedDict()


def peek(account_id: int, version: int) -> Index | None:
    """The account's index, if it is at hand and at least of this version."""
    with _lock:
        kept = _indexes.get(account_id)
        if kept is None or kept[0] < version:
            return None
        _indexes.move_to_end(account_id)
        return kept[1]


def load(account_id: int) -> Index:
    """Build the account's index from the database."""
    # The version first: entries that change meanwhile make the index look older.
    version = Account.objects.values_list("knowledge_version", flat=True).get(
        pk=account_id
    )
    kept = peek(account_id, version)
    if kept is not None:
        return kept
    entries = Entry.objects.filter(account_id=account_id).published()
    index = Index([document_of(entry) for entry in entries.order_by("id")])
    with _lock:
        _indexes[account_id] = (version, index)
        _indexes.move_to_end(account_id)
        while len(_indexes) > MOST:
            _indexes.popitem(last=False)
    return index


def document_of(entry: Entry) -> Document:
    """The entry as it is searched."""
    return Document(
        key=entry.pk,
        entry=entry.public_id,
        title=entry.title,
        body=entry.body,
        lang=entry.lang,
        entry_type=entry.entry_type,
        revision=entry.revision,
        visibility=entry.visibility,
    )


def clear() -> None:
    """Forget all indexes, as between tests."""
    with _lock:
        _indexes.clear()
