"""Learned questions: taken in, reviewed, and handed to the search."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext

from accounts.services import as_uuid
from core.text import clean_text
from knowledge.models import Entry, Example, hold_knowledge, note_change
from knowledge.text import fold, tokenise

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.db.models import QuerySet

    from accounts.models import Account, User

#: Questions stored in one transaction.
BATCH = 500
#: Longest question, in characters; what is longer is a letter, not a question.
MAX_QUESTION = 1_000


@dataclass(frozen=True, slots=True)
class Refusal:
    """A question that could not be taken in."""

    #: Its place among those given, from 0.
    place: int
    why: str


@dataclass(slots=True)
class Learned:
    """What became of the questions that were given."""

    #: New ones, and those that gained something by being given again.
    added: int = 0
    known: int = 0
    problems: list[Refusal] = field(default_factory=list)


def digest(question: str) -> str:
    """What two spellings of one wording have in common."""
    words = " ".join(fold(word) for word in tokenise(question))
    return hashlib.sha256(words.encode()).hexdigest()


def add_examples(
    *,
    account: Account,
    items: Iterable[tuple[str, str]],
    origin: str,
    status: str,
    author: User | None = None,
    reference: str = "",
) -> Learned:
    """Take in questions, each as the public id of its entry and the words.

    Commits in batches; the knowledge's version grows once, if the search has anything
    new to learn. A wording that was rejected stays rejected. `author` is who approves.
    """
    learned = Learned()
    numbered = enumerate(items)
    make = partial(
        Example,
        origin=origin,
        status=status,
        # Who proposes does not approve.
        reviewed_by=author if status == Example.Status.APPROVED else None,
        reference=reference,
    )
    try:
        while batch := list(islice(numbered, BATCH)):
            _store(account, batch, make, learned)
    finally:
        if learned.added and status == Example.Status.APPROVED:
            note_change(account.pk)
    return learned


@transaction.atomic
def _store(
    account: Account,
    batch: Sequence[tuple[int, tuple[str, str]]],
    make: partial[Example],
    learned: Learned,
) -> None:
    hold_knowledge([account.pk])
    entries = _entries(account, {entry for _, (entry, _text) in batch})
    new: dict[tuple[int, str], Example] = {}
    for place, (name, text) in batch:
        question = " ".join(clean_text(text).split())
        why = _fault(question) if name in entries else f"there is no entry “{name}”"
        if why:
            learned.problems.append(Refusal(place, why))
            continue
        key = entries[name], digest(question)
        learned.known += key in new
        new.setdefault(key, make(entry_id=key[0], text=question, digest=key[1]))
    rows = Example.objects.select_for_update().filter(
        entry_id__in={entry for entry, _ in new}, digest__in={each for _, each in new}
    )
    for row in rows:
        again = new.pop((row.entry_id, row.digest), None)
        if again is None:
            continue
        if _take_over(row, again):
            learned.added += 1
        else:
            learned.known += 1
    # Somebody else may have added one of them just now.
    Example.objects.bulk_create(new.values(), ignore_conflicts=True)
    learned.added += len(new)


def _entries(account: Account, names: Iterable[str]) -> dict[str, int]:
    """Entries of the account by the public id under which they were named."""
    keys = {name: key for name in names if (key := as_uuid(name)) is not None}
    rows = Entry.objects.for_account(account).filter(
        Q(external_id__in=names) | Q(external_id="", uuid__in=keys.values())
    )
    # None of them goes while this is stored.
    rows = rows.select_for_update(no_key=True).order_by("pk")
    found = {row.public_id: row.pk for row in rows.only("pk", "uuid", "external_id")}
    by_uuid = {name: found.get(str(key)) for name, key in keys.items()}
    return found | {name: key for name, key in by_uuid.items() if key is not None}


def _fault(question: str) -> str:
    """Why this cannot be a learned question, if so."""
    if not tokenise(question):
        return gettext("the question has no words")
    if len(question) > MAX_QUESTION:
        return gettext("the question has more than %(most)d characters") % {
            "most": MAX_QUESTION
        }
    return ""


def _take_over(row: Example, again: Example) -> bool:
    """Let a known wording gain from being given again; returns whether it did.

    A real question outdoes one that was made up, and an approval outdoes a proposal.
    """
    is_real = again.origin != Example.Origin.GENERATED
    origin = again.origin if row.origin == Example.Origin.GENERATED else row.origin
    status = row.status
    if row.status == Example.Status.PROPOSED and is_real:
        status = again.status
    if (origin, status) == (row.origin, row.status):
        return False
    if status != row.status:
        row.reviewed_by = again.reviewed_by
    row.origin, row.status = origin, status
    row.save(update_fields=["origin", "status", "reviewed_by"])
    return True


def approve(*, examples: Iterable[Example], user: User) -> int:
    """Let the search learn from these; returns how many are new to it."""
    return _review(examples, Example.Status.APPROVED, user)


def reject(*, examples: Iterable[Example], user: User) -> int:
    """Keep the search from learning these, now and later; returns how many changed."""
    return _review(examples, Example.Status.REJECTED, user)


@transaction.atomic
def forget(*, examples: Iterable[Example]) -> int:
    """Delete learned questions; returns how many there were."""
    rows = Example.objects.filter(pk__in=[each.pk for each in examples])
    _hold(rows)
    accounts = set(rows.approved().values_list("entry__account_id", flat=True))
    count, _by_model = rows.delete()
    for account_id in sorted(accounts):
        note_change(account_id)
    return count


@transaction.atomic
def _review(examples: Iterable[Example], status: Example.Status, user: User) -> int:
    keys = [each.pk for each in examples]
    rows = Example.objects.filter(pk__in=keys).exclude(status=status)
    _hold(rows)
    matters = rows
    if status != Example.Status.APPROVED:
        matters = rows.approved()
    accounts = set(matters.values_list("entry__account_id", flat=True))
    count = rows.update(status=status, reviewed_by=user)
    for account_id in sorted(accounts):
        note_change(account_id)
    return count


def _hold(examples: QuerySet[Example]) -> None:
    hold_knowledge(set(examples.values_list("entry__account_id", flat=True)))
