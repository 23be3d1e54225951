"""Bundles: statements that travel to the database together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from accounts.tests.factories import AccountFactory
from core import store
from core.bundle import Bundle

if TYPE_CHECKING:
    from pytest_django import Settings

NAME = "UPDATE accounts_account SET name = %s WHERE id = %s"
NAMES = "SELECT name FROM accounts_account WHERE id = %s"


@pytest.fixture
def only_postgresql(db: None) -> None:
    if not store.is_postgresql():
        pytest.skip("SQLite runs in our own process, where nothing travels")


@pytest.fixture(params=[True, False], ids=["prepared", "as they are"])
def _prepares(request: Any, settings: Settings) -> None:
    settings.PREPARED_STATEMENTS = request.param


@pytest.mark.usefixtures("_prepares")
def test_statements_run_in_their_order_and_each_gets_its_own_rows(db: None) -> None:
    account = AccountFactory(name="Old")
    bundle = Bundle()
    before = bundle.fetch(NAMES, [account.pk])
    bundle.execute(NAME, ["100 %; 'New'", account.pk])
    after = bundle.fetch(NAMES, [account.pk])
    bundle.send()

    assert (before, after) == ([{"name": "Old"}], [{"name": "100 %; 'New'"}])


def test_what_was_sent_is_not_sent_again(db: None) -> None:
    account = AccountFactory(event_seq=0)
    bundle = Bundle()
    bundle.execute(
        "UPDATE accounts_account SET event_seq = event_seq + 1 WHERE id = %s",
        [account.pk],
    )
    bundle.send()
    bundle.send()

    account.refresh_from_db()
    assert account.event_seq == 1


def test_rows_may_be_named_by_others_before_they_are_inserted(db: None) -> None:
    taken = AccountFactory()
    first = Bundle()
    ids = first.reserve_ids(Account, 2)
    first.send()
    rows = [AccountFactory.build(name="One"), AccountFactory.build(name="Two")]
    for row, reserved in zip(rows, ids, strict=False):
        row.pk = reserved["id"]
    second = Bundle()
    second.insert_rows(rows)
    found = second.fetch(
        "SELECT id, name FROM accounts_account WHERE id > %s ORDER BY id", [taken.pk]
    )
    second.send()

    assert [(row.pk, row.name) for row in rows] == [
        (row["id"], row["name"]) for row in found
    ]
    assert AccountFactory().pk > rows[-1].pk


@pytest.mark.usefixtures("_prepares")
def test_once_prepared_all_travel_together(
    db: None, only_postgresql: None, settings: Settings
) -> None:
    account = AccountFactory()

    def ask() -> None:
        bundle = Bundle()
        bundle.fetch(NAMES, [account.pk])
        bundle.execute(NAME, ["New", account.pk])
        bundle.send()

    ask()
    with CaptureQueriesContext(connection) as captured:
        ask()

    (query,) = captured
    assert query["sql"].startswith("EXECUTE") == settings.PREPARED_STATEMENTS


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_transaction_all_stand_or_fall_together() -> None:
    if not store.is_postgresql():
        pytest.skip("SQLite runs in our own process, where nothing travels")
    first = AccountFactory(name="One")
    bundle = Bundle()
    bundle.execute(NAME, ["New", first.pk])
    bundle.execute("UPDATE accounts_account SET name = NULL WHERE id = %s", [first.pk])
    with pytest.raises(IntegrityError):
        bundle.send()

    first.refresh_from_db()
    assert first.name == "One"


def test_a_table_that_was_altered_is_read_again_from_the_next_try_on(
    db: None, only_postgresql: None
) -> None:
    def ask() -> store.Rows:
        bundle = Bundle()
        rows = bundle.fetch("SELECT * FROM bundle_test WHERE a = %s", [1])
        bundle.send()
        return rows

    store.execute("CREATE TEMPORARY TABLE bundle_test (a bigint) ON COMMIT DROP")
    assert ask() == []
    store.execute("ALTER TABLE bundle_test ADD COLUMN b bigint DEFAULT 2")
    store.execute("INSERT INTO bundle_test (a) VALUES (1)")
    with pytest.raises(DatabaseError), transaction.atomic():
        ask()
    assert ask() == [{"a": 1, "b": 2}]
