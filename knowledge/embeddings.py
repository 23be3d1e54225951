"""The vectors of entries in the database: which are missing, and which are kept.

Of an account it is known up to which version of its knowledge vectors are complete. A
walk over its entries, page by page, finds the texts that lack one; it can stop at any
page and begin again, because what was stored is not made twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, ValuesView
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from django.db.models import Count, Exists, F, OuterRef, Subquery
from django.db.models.functions import Coalesce

from accounts.models import Account
from knowledge.documents import page_of
from knowledge.embeddable import is_in_detail, texts_of
from knowledge.models import Entry, Vector
from knowledge.text import detect_language

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from django.db.models import QuerySet

    from knowledge.embedders.base import Embedder, Floats
    from knowledge.index import Document

#: Entries that a walk looks at in one go: few milliseconds.
PAGE: Final = 30
#: The version of an account whose vectors were never complete.
_NEVER: Final = -1
#: Share of an account's texts that need a vector before any is used.
_ENOUGH: Final = 0.95
#: As vectors lie in the database: half the size, and no ranking notices.
_STORED: Final = np.dtype("<f2")


@dataclass(frozen=True, slots=True)
class Text:
    """A text of an entry that is to get a vector."""

    entry_id: int
    digest: str
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """What a walk found on one page."""

    #: Entries looked at, and the id of the last one.
    count: int
    last: int
    missing: tuple[Text, ...]
    #: Vectors of words that no entry says any more, or of another encoder.
    stale: tuple[int, ...]


def digest_of(text: str) -> str:
    """The name of a text among vectors."""
    return hashlib.sha256(text.encode()).hexdigest()


def adopt(model: str) -> None:
    """Begin with an encoder: accounts with vectors of another one are due."""
    Account.objects.exclude(vectors_model=model).update(
        vectors_model=model, vectors_version=_NEVER
    )


def begin(account_id: int, model: str) -> bool:
    """Begin a walk over an account, a new one too; says whether sentences count."""
    rows = Account.objects.filter(pk=account_id).exclude(vectors_model=model)
    rows.update(vectors_model=model, vectors_version=_NEVER)
    return wants_detail(account_id)


def due(*, after: int = 0, most: int = 100) -> list[tuple[int, int]]:
    """Accounts whose knowledge is newer than their vectors, with its version."""
    rows = Account.objects.filter(knowledge_version__gt=F("vectors_version"))
    found = rows.filter(pk__gt=after).order_by("pk")
    return list(found.values_list("pk", "knowledge_version")[:most])


def wants_detail(account_id: int) -> bool:
    """Whether the account's entries are few enough for vectors of their sentences."""
    return is_in_detail(Entry.objects.filter(account_id=account_id).published().count())


def look(
    account_id: int,
    encoder: Embedder,
    *,
    after: int,
    in_detail: bool,
    again: bool = False,
) -> Page | None:
    """The next page of a walk; None behind the last. `again`: all texts count."""
    documents = page_of(account_id, after=after, size=PAGE)
    if not documents:
        return None
    wanted = {
        (document.key, digest_of(text)): text
        for document in documents
        for text in wanted_texts(document, encoder, in_detail=in_detail)
    }
    entries = {document.key for document in documents}
    rows = Vector.objects.filter(entry__in=entries)
    kept, stale = set(), []
    for pk, entry_id, model, digest in rows.values_list(
        "pk", "entry_id", "model", "digest"
    ):
        if model == encoder.key and (entry_id, digest) in wanted:
            kept.add((entry_id, digest))
        else:
            stale.append(pk)
    missing = tuple(
        Text(*name, text) for name, text in wanted.items() if again or name not in kept
    )
    return Page(len(entries), documents[-1].key, missing, tuple(stale))


def store(model: str, texts: Sequence[Text], rows: Floats) -> None:
    """Keep vectors; of entries that have gone meanwhile there are none."""
    alive = set(
        Entry.objects.filter(pk__in={each.entry_id for each in texts}).values_list(
            "pk", flat=True
        )
    )
    Vector.objects.bulk_create(
        [
            Vector(
                entry_id=each.entry_id,
                model=model,
                digest=each.digest,
                data=row.astype(_STORED).tobytes(),
            )
            for each, row in zip(texts, rows, strict=True)
            if each.entry_id in alive
        ],
        update_conflicts=True,
        unique_fields=["entry", "model", "digest"],
        update_fields=["data"],
    )


def drop(vectors: Sequence[int]) -> None:
    """Remove vectors by their ids."""
    Vector.objects.filter(pk__in=vectors).delete()


def finish(account_id: int, version: int, model: str, *, has_new: bool) -> bool:
    """End a walk; False where the knowledge has changed meanwhile.

    New vectors make a new version, so that indexes are loaded anew, with them.
    """
    silent = Entry.objects.filter(
        account_id=account_id, status__in=[Entry.Status.DRAFT, Entry.Status.ARCHIVED]
    )
    Vector.objects.filter(entry__in=silent).delete()
    rows = Account.objects.filter(
        pk=account_id, knowledge_version=version, vectors_model=model
    )
    # Who began and was killed did not say that there are new ones.
    has_new = has_new or rows.filter(vectors_version=_NEVER).exists()
    new = version + 1 if has_new else version
    return bool(rows.update(knowledge_version=new, vectors_version=new))


def forget(accounts: Iterable[Account]) -> None:
    """Remove all vectors of accounts; they are made again in the background."""
    for account in accounts:
        Vector.objects.for_account(account).delete()
        Account.objects.filter(pk=account.pk).update(
            vectors_version=_NEVER, knowledge_version=F("knowledge_version") + 1
        )


def with_progress(accounts: QuerySet[Any]) -> QuerySet[Any]:
    """Accounts with the numbers of their published entries, all and with vectors.

    As the attributes ``entry_count`` and ``encoded_count``.
    """
    entries = Entry.objects.filter(account=OuterRef("pk")).published()
    vectors = Vector.objects.filter(
        entry=OuterRef("pk"), model=OuterRef("account__vectors_model")
    )
    found: QuerySet[Any] = accounts.annotate(
        entry_count=_count(entries),
        encoded_count=_count(entries.filter(Exists(vectors))),
    )
    return found


def _count(rows: QuerySet[Entry]) -> Coalesce:
    counts = rows.order_by().values("account").annotate(count=Count("pk"))
    return Coalesce(Subquery(counts.values("count")), 0)


def wanted_texts(
    document: Document, encoder: Embedder, *, in_detail: bool
) -> tuple[str, ...]:
    """What is to be encoded of a document: nothing in a language it cannot read."""
    if encoder.languages is not None:
        lang = document.lang or detect_language(f"{document.title} {document.body}")
        if not encoder.speaks(lang):
            return ()
    return texts_of(document, in_detail=in_detail)


class Vectors(Mapping[str, "Floats"]):
    """Stored vectors by text, as an index takes them."""

    def __init__(self, encoder: Embedder, *, in_detail: bool) -> None:
        self._encoder = encoder
        self._in_detail = in_detail
        self._data: dict[str, bytes] = {}
        self._wanted = self._found = 0

    def read(self, documents: Sequence[Document]) -> None:
        """Add what is stored for the entries of these documents."""
        rows = Vector.objects.filter(
            entry__in={each.key for each in documents}, model=self._encoder.key
        )
        for digest, data in rows.values_list("digest", "data"):
            self._data[digest] = bytes(data)
        for document in documents:
            texts = wanted_texts(document, self._encoder, in_detail=self._in_detail)
            self._wanted += len(texts)
            self._found += sum(text in self for text in texts)

    @property
    def is_enough(self) -> bool:
        """Whether nearly all texts have one; comparing a part of them would mislead."""
        return bool(self._found) and self._found >= _ENOUGH * self._wanted

    def __getitem__(self, text: str) -> Floats:
        return _vector(self._data[digest_of(text)])

    def __contains__(self, text: object) -> bool:
        return isinstance(text, str) and digest_of(text) in self._data

    def __iter__(self) -> Iterator[str]:
        raise TypeError("Texts are known by their digests only.")

    def __len__(self) -> int:
        return len(self._data)

    def values(self) -> ValuesView[Floats]:
        return _Values(self)

    def rows(self) -> Iterator[Floats]:
        """The vectors alone."""
        return map(_vector, self._data.values())


class _Values(ValuesView["Floats"]):
    """Vectors without their texts."""

    _mapping: Vectors

    def __iter__(self) -> Iterator[Floats]:
        return self._mapping.rows()


def _vector(data: bytes) -> Floats:
    return np.frombuffer(data, _STORED).astype(np.float32)
