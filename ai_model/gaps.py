"""What owners do about gaps: publish and ask again, dismiss, merge, bring back."""

from __future__ import annotations

import copy
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from ai_model import usage
from ai_model.answering import answer
from ai_model.exchange import Answer, Question
from ai_model.gap_drafts import is_untouched, lock_entry
from ai_model.instructions import told
from ai_model.metering import Meter
from ai_model.models import Gap, GapQuestion
from ai_model.providers.base import Utterance
from ai_model.setup import setup_of
from conversations.models import Message
from core import http
from core.exceptions import Conflict, InvalidPayload
from core.text import clean_text
from knowledge import queries, search
from knowledge.learning import add_examples
from knowledge.models import Entry, Example, hold_knowledge

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.db.models import QuerySet

    from accounts.models import Account, User
    from ai_model.models import Assistant
    from ai_model.setup import Setup
    from knowledge.index import Index

#: Newest questions of a gap that are asked again.
MOST_ASKED: Final = 50
#: The gap is closed when its entry answers at least this share of them.
CLOSED_SHARE: Final = 0.8
#: Questions whose search results are offered as answers, and of each the best so many.
MOST_LOOKED_AT: Final = 10
MOST_NEAREST: Final = 3
#: Seconds that one question may take; nothing but the search is waited for.
_BUDGET_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of asking a gap's questions again."""

    asked: int
    #: Answered from the gap's own entry, with enough confidence.
    answered: int
    is_closed: bool


def save_draft(*, gap: Gap, title: str, body: str, user: User | None) -> Entry:
    """Keep what somebody wrote as the gap's entry; raises `InvalidPayload`."""
    title, body = clean_text(title).strip(), clean_text(body).strip()
    if not title or not body or len(title) > 500:
        raise InvalidPayload(
            gettext("A draft needs a title of up to 500 characters and a text.")
        )
    with transaction.atomic():
        row = _lock(gap)
        entry = lock_entry(row)
        if entry is None:
            entry = Entry(
                account_id=row.account_id, lang=row.lang, status=Entry.Status.DRAFT
            )
        if (entry.title, entry.body) != (title, body):
            entry.title, entry.body, entry.edited_by = title, body, user
            entry.save()
        row.entry = entry
        if row.status == Gap.Status.OPEN:
            row.status = Gap.Status.DRAFTED
        row.save(update_fields=["entry", "status"])
    gap.refresh_from_db()
    return entry


def publish(*, gap: Gap) -> Proof:
    """Publish the gap's entry, propose its questions as examples, and ask them again.

    Raises `Conflict` where there is no draft.
    """
    with transaction.atomic():
        row = _lock(gap)
        entry = lock_entry(row)
        if entry is None:
            raise Conflict(
                gettext("There is no draft yet. Write one, then publish it.")
            )
        if entry.status != Entry.Status.PUBLISHED:
            entry.status = Entry.Status.PUBLISHED
            entry.save()
        add_examples(
            account=row.account,
            items=[(entry.public_id, each.text) for each in _newest(row)],
            origin=Example.Origin.CONFIRMED,
            status=Example.Status.PROPOSED,
            reference=f"gap {row.uuid}",
        )
    return ask_again(gap=gap)


def link(*, gap: Gap, entry: Entry, user: User) -> Proof:
    """Let an entry that is there already answer the gap's questions, and ask them again.

    They become its learned questions; an untouched draft goes. Raises `Conflict` where the
    entry is not a published one of this account.
    """
    with transaction.atomic():
        row = _lock(gap)
        known = Entry.objects.for_account(row.account).published()
        if not known.filter(pk=entry.pk).exists():
            raise Conflict(gettext("Only a published entry can answer the questions."))
        if row.entry_id != entry.pk:
            _drop_draft(row)
        row.entry = entry
        row.save(update_fields=["entry"])
        add_examples(
            account=row.account,
            items=[(entry.public_id, each.text) for each in _newest(row)],
            origin=Example.Origin.CONFIRMED,
            status=Example.Status.APPROVED,
            author=user,
            reference=f"gap {row.uuid}",
        )
    return ask_again(gap=gap)


def nearest_entries(gap: Gap) -> QuerySet[Entry]:
    """Published entries that were found for the gap's newest questions."""
    rows = gap.questions.order_by("-pk").values_list("turn__retrieved", flat=True)
    names = {
        str(each["entry_id"])
        for retrieved in rows[:MOST_LOOKED_AT]
        for each in retrieved[:MOST_NEAREST]
    }
    return Entry.objects.for_account(gap.account).published().named(names)


def ask_again(*, gap: Gap) -> Proof:
    """Ask the gap's questions as the product would answer them now; send nothing.

    Closes the gap when its entry answers enough of them, reopens it when not.
    """
    with transaction.atomic():
        entry = _lock(gap).entry
    if entry is None or entry.status != Entry.Status.PUBLISHED:
        raise Conflict(gettext("Only a published entry can answer the questions."))
    questions = _newest(gap)
    answers = _answers(gap.account, [each.text for each in questions])
    with transaction.atomic():
        row = _lock(gap)
        for each, said in zip(questions, answers, strict=True):
            GapQuestion.objects.filter(pk=each.pk).update(
                is_answered=_is_answer(said, entry), confidence=said.confidence
            )
        answered = sum(_is_answer(said, entry) for said in answers)
        is_closed = bool(answers) and answered >= CLOSED_SHARE * len(answers)
        row.status = Gap.Status.CLOSED if is_closed else Gap.Status.DRAFTED
        row.reasked_at = timezone.now()
        row.save(update_fields=["status", "reasked_at"])
    gap.refresh_from_db()
    return Proof(len(answers), answered, is_closed)


def _lock(gap: Gap) -> Gap:
    hold_knowledge([gap.account_id])
    row = Gap.objects.select_for_update().filter(pk=gap.pk).first()
    if row is None:
        raise Conflict(
            gettext("The question is no longer there; it was merged or forgotten.")
        )
    return row


def _newest(gap: Gap) -> list[GapQuestion]:
    return list(gap.questions.order_by("-pk")[:MOST_ASKED])


def _is_answer(said: Answer, entry: Entry) -> bool:
    """Whether it would have been said, and rests on this entry."""
    first = said.sources[0]["entry_id"] if said.sources else ""
    return said.outcome == Message.State.ANSWERED and first == entry.public_id


def _answers(account: Account, texts: Sequence[str]) -> list[Answer]:
    """What the product would answer now, by the search and the local answerer."""
    account.refresh_from_db()
    setup = setup_of(account.pk, account.knowledge_version)
    index = search.load(account.pk)
    meter = Meter(account.pk)
    embed_query = functools.partial(queries.encoder.vector, toll=meter)

    async def find_index() -> Index:
        return index

    async def ask() -> list[Answer]:
        return [
            await answer(_question(setup, text), find_index, embed_query=embed_query)
            for text in texts
        ]

    try:
        return http.run(ask())
    finally:
        usage.settle([meter])


def _question(setup: Setup, text: str) -> Question:
    return Question(
        texts=(text,),
        history=(Utterance("user", text),),
        lang="",
        has_offer=False,
        contact="",
        attempt=1,
        business=setup.business,
        assistant=_at_work(setup.assistant),
        adjustment=setup.adjustment,
        prompts={each.kind: each.text for each in told(setup.prompts)},
        visibilities=frozenset({Entry.Visibility.CUSTOMER.value}),
        budget_s=_BUDGET_S,
    )


def _at_work(assistant: Assistant) -> Assistant:
    """The account's assistant as it decides while it is open, at no cost."""
    own = copy.copy(assistant)
    own.chain, own.auto_response = ["local"], True
    own.business_hours, own.special_days = {}, {}
    return own


@transaction.atomic
def dismiss(*, gaps: Iterable[Gap]) -> int:
    """Take gaps off the list; an untouched draft goes with its gap."""
    found = list(gaps)
    hold_knowledge({each.account_id for each in found})
    rows = Gap.objects.select_for_update().filter(pk__in=[each.pk for each in found])
    count = 0
    for row in rows.undecided().order_by("pk"):
        _drop_draft(row)
        row.status, row.due_at = Gap.Status.DISMISSED, None
        row.save(update_fields=["status", "due_at"])
        count += 1
    return count


@transaction.atomic
def bring_back(*, gaps: Iterable[Gap]) -> int:
    """Put dismissed gaps on the list again."""
    now = timezone.now()
    rows = Gap.objects.filter(pk__in=[each.pk for each in gaps])
    return rows.filter(status=Gap.Status.DISMISSED).update(
        status=Gap.Status.OPEN, due_at=now
    )


@transaction.atomic
def merge(*, gaps: Iterable[Gap], into: Gap) -> Gap:
    """Let one gap take in the questions of others of its account."""
    hold_knowledge([into.account_id])
    keys = {each.pk for each in gaps} | {into.pk}
    rows = {
        row.pk: row
        for row in Gap.objects.select_for_update()
        .filter(pk__in=keys, account_id=into.account_id)
        .order_by("pk")
    }
    if into.pk not in rows:
        raise Conflict(gettext("The question is no longer there."))
    target = rows.pop(into.pk)
    for row in rows.values():
        row.questions.update(gap=target, is_answered=None, confidence=None)
        target.first_seen_at = min(target.first_seen_at, row.first_seen_at)
        target.last_seen_at = max(target.last_seen_at, row.last_seen_at)
        if target.entry_id is None:
            target.entry_id = row.entry_id
        else:
            _drop_draft(row)
        row.delete()
    if rows and target.status != Gap.Status.DISMISSED:
        has_entry = target.entry_id is not None
        target.status = Gap.Status.DRAFTED if has_entry else Gap.Status.OPEN
        target.due_at = timezone.now()
    target.save()
    return target


def _drop_draft(gap: Gap) -> None:
    """Delete the gap's draft, unless somebody has worked on it or published it."""
    entry = gap.entry
    if entry is None or not is_untouched(entry):
        return
    gap.entry = None
    gap.save(update_fields=["entry"])
    entry.delete()


def forget_empty() -> int:
    """Delete gaps whose questions went with their conversations; returns how many."""
    empty = Gap.objects.filter(questions=None).exclude(status=Gap.Status.CLOSED)
    accounts = set(empty.values_list("account_id", flat=True))
    with transaction.atomic():
        hold_knowledge(accounts)
        rows = empty.filter(account__in=accounts)
        found = list(rows.select_for_update(of=("self",)).order_by("pk"))
        for row in found:
            _drop_draft(row)
        Gap.objects.filter(pk__in=[row.pk for row in found]).delete()
    return len(found)
