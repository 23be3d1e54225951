"""The search indexes of accounts: built from their entries, kept while they are true."""

from __future__ import annotations

import threading
from collections import OrderedDict

from django.db import transaction
from django.db.models import F

from accounts.models import Account
from core import memory
from knowledge import embedders
from knowledge.documents import pages_of
from knowledge.embeddings import Vectors, wants_detail
from knowledge.index import Document, Index
from knowledge.models import note_change

#: Indexes that one process keeps; the one that was not used longest goes first.
MOST = 256

#: Documents from which on the memory that a build leaves free is worth its return.
_LARGE = 20_000

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
    _drop_large(account_id)
    index = Index(*read(account_id))
    with _lock:
        _indexes[account_id] = (version, index)
        _indexes.move_to_end(account_id)
        while len(_indexes) > MOST:
            _indexes.popitem(last=False)
    if len(index.documents) > _LARGE:
        memory.give_back()
    return index


def _drop_large(account_id: int) -> None:
    """Forget an old index that would need as much memory as the new one."""
    with _lock:
        kept = _indexes.get(account_id)
        if kept is not None and len(kept[1].documents) > _LARGE:
            del _indexes[account_id]


def note_other_change(account_id: int) -> None:
    """Tell that something of an account changed which its index does not hold.

    Such as its settings: who reads them looks at the same version as its entries.
    """
    with transaction.atomic():
        rows = Account.objects.filter(pk=account_id)
        # Vectors that were complete still are.
        complete = rows.filter(vectors_version=F("knowledge_version"))
        complete.update(vectors_version=F("vectors_version") + 1)
        note_change(account_id)
        version = rows.values_list("knowledge_version", flat=True).first()
        if version is not None:
            transaction.on_commit(lambda: _carry(account_id, version))


def _carry(account_id: int, version: int) -> None:
    """The index of the version before this one is true for this one too."""
    with _lock:
        kept = _indexes.get(account_id)
        if kept is not None and kept[0] == version - 1:
            _indexes[account_id] = (version, kept[1])


def read(
    account_id: int, most: int | None = None
) -> tuple[list[Document], Vectors | None]:
    """What an index is built of: with vectors where there are enough; it waits for none.

    Of more than ``most`` entries some are drawn, the same ones each time.
    """
    encoder = embedders.current()
    vectors = None
    if encoder is not None:
        vectors = Vectors(encoder, in_detail=wants_detail(account_id))
    documents: list[Document] = []
    for page in pages_of(account_id, most):
        if vectors is not None:
            vectors.read(page)
        documents += page
    is_enough = vectors is not None and vectors.is_enough
    return documents, vectors if is_enough else None


def clear() -> None:
    """Forget all indexes, as between tests."""
    with _lock:
        _indexes.clear()
