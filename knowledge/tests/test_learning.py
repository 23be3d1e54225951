"""Learned questions: taken in, reviewed, handed to the search."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from knowledge.documents import MOST_USED
from knowledge.learning import (
    MAX_QUESTION,
    add_examples,
    approve,
    reject,
)
from knowledge.models import Entry, Example
from knowledge.tests.factories import EntryFactory
from knowledge.tests.learned import examples_of

if TYPE_CHECKING:
    from accounts.models import Account, User

CONFIRMED, IMPORTED, GENERATED = Example.Origin
PROPOSED, APPROVED, REJECTED = Example.Status


@pytest.fixture
def entry(account: Account) -> Entry:
    return EntryFactory(account=account, external_id="delivery")


def version(account: Account) -> int:
    account.refresh_from_db()
    return account.knowledge_version


def test_questions_are_taken_in_by_the_public_id_of_their_entry(
    account: Account, entry: Entry
) -> None:
    other = EntryFactory(account=account)
    before = version(account)

    learned = add_examples(
        account=account,
        items=[
            ("delivery", "  When will\nit come? "),
            (str(other.uuid).upper(), "Do you ship to Norway?"),
            ("nothing", "Where is it?"),
            ("delivery", "?!"),
            ("delivery", "x" * (MAX_QUESTION + 1)),
        ],
        origin=IMPORTED,
        status=APPROVED,
    )

    assert (learned.added, learned.known) == (2, 0)
    assert [each.place for each in learned.problems] == [2, 3, 4]
    assert "“nothing”" in learned.problems[0].why
    assert entry.examples.get().text == "When will it come?"
    assert other.examples.get().status == APPROVED
    assert version(account) == before + 1


def test_one_wording_is_kept_once(account: Account, entry: Entry) -> None:
    items = [("delivery", "When will it come?"), ("delivery", "when WILL it come")]

    first = add_examples(account=account, items=items, origin=IMPORTED, status=APPROVED)
    before = version(account)
    again = add_examples(account=account, items=items, origin=IMPORTED, status=APPROVED)

    assert (first.added, first.known) == (1, 1)
    assert (again.added, again.known) == (0, 2)
    assert entry.examples.count() == 1
    assert version(account) == before


def test_a_proposal_changes_no_answer(account: Account, entry: Entry) -> None:
    before = version(account)

    add_examples(
        account=account,
        items=[("delivery", "When will it come?")],
        origin=CONFIRMED,
        status=PROPOSED,
    )

    assert version(account) == before
    assert examples_of(account.pk) == {}


@pytest.mark.parametrize(
    ("known", "again", "after"),
    [
        ((GENERATED, PROPOSED), (IMPORTED, APPROVED), (IMPORTED, APPROVED)),
        ((GENERATED, APPROVED), (CONFIRMED, PROPOSED), (CONFIRMED, APPROVED)),
        ((CONFIRMED, PROPOSED), (IMPORTED, APPROVED), (CONFIRMED, APPROVED)),
        ((CONFIRMED, PROPOSED), (GENERATED, PROPOSED), (CONFIRMED, PROPOSED)),
        ((CONFIRMED, REJECTED), (IMPORTED, APPROVED), (CONFIRMED, REJECTED)),
    ],
    ids=["made up", "approved", "proposed", "real", "rejected"],
)
def test_what_a_known_wording_gains_from_being_given_again(
    account: Account,
    entry: Entry,
    known: tuple[str, str],
    again: tuple[str, str],
    after: tuple[str, str],
) -> None:
    for origin, status in (known, again):
        add_examples(
            account=account,
            items=[("delivery", "When will it come?")],
            origin=origin,
            status=status,
        )

    row = entry.examples.get()
    assert (row.origin, row.status) == after


def test_questions_of_another_accounts_entry_are_refused(
    account: Account, entry: Entry, charlie: User
) -> None:
    learned = add_examples(
        account=charlie.accounts.get(),
        items=[("delivery", "When will it come?"), (str(entry.uuid), "When?")],
        origin=IMPORTED,
        status=APPROVED,
    )

    assert len(learned.problems) == 2
    assert not Example.objects.exists()


def test_the_search_gets_real_and_made_up_questions_apart(
    account: Account, entry: Entry, django_assert_num_queries: object
) -> None:
    for origin, text in ((IMPORTED, "When?"), (CONFIRMED, "How long?")):
        add_examples(
            account=account,
            items=[("delivery", text)],
            origin=origin,
            status=APPROVED,
        )
    add_examples(
        account=account,
        items=[("delivery", "How fast is delivery?")],
        origin=GENERATED,
        status=APPROVED,
    )

    with django_assert_num_queries(3):  # type: ignore[operator]
        found = examples_of(account.pk)

    assert found == {entry.pk: (("When?", "How long?"), ("How fast is delivery?",))}


def test_archiving_and_deleting_an_entry_take_its_questions_out_at_once(
    account: Account, entry: Entry
) -> None:
    add_examples(
        account=account,
        items=[("delivery", "When?")],
        origin=IMPORTED,
        status=APPROVED,
    )
    assert entry.pk in examples_of(account.pk)

    entry.status = Entry.Status.ARCHIVED
    entry.save()
    assert examples_of(account.pk) == {}

    entry.delete()
    assert not Example.objects.exists()


def test_of_very_many_questions_the_newest_are_used(
    account: Account, entry: Entry
) -> None:
    add_examples(
        account=account,
        items=(("delivery", f"Question {n}") for n in range(MOST_USED + 5)),
        origin=IMPORTED,
        status=APPROVED,
    )

    real, _ = examples_of(account.pk)[entry.pk]
    assert len(real) == MOST_USED
    assert "Question 0" not in real


def test_a_review_tells_the_indexes_when_it_matters(
    account: Account, entry: Entry, alice: User
) -> None:
    add_examples(
        account=account,
        items=[("delivery", "When?"), ("delivery", "How long?")],
        origin=CONFIRMED,
        status=PROPOSED,
    )
    first, second = entry.examples.order_by("pk")
    before = version(account)

    assert reject(examples=[second], user=alice) == 1
    assert version(account) == before
    assert approve(examples=[first], user=alice) == 1
    assert version(account) == before + 1
    assert approve(examples=[first], user=alice) == 0
    assert version(account) == before + 1
    assert reject(examples=[first], user=alice) == 1
    assert version(account) == before + 2
    first.refresh_from_db()
    assert (first.status, first.reviewed_by) == (REJECTED, alice)
