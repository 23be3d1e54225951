"""What the database does in bulk."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import Account
from accounts.tests.factories import AccountFactory
from core import store


def test_rows_are_updated_from_a_list_of_values(db: None) -> None:
    first, second, third = (AccountFactory(event_seq=0) for _ in range(3))

    store.update_from(
        "accounts_account",
        columns={"id": "bigint", "seq": "bigint"},
        rows=[(first.pk, 5), (second.pk, 6)],
        assign="event_seq = t.event_seq + v.seq",
        where="t.id = v.id",
    )

    found = dict(Account.objects.values_list("pk", "event_seq"))
    assert found == {first.pk: 5, second.pk: 6, third.pk: 0}


def test_no_rows_need_no_statement(db: None, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        store.update_from("x", columns={}, rows=[], assign="", where="")
        store.update_rows([], ["name"])


def test_models_are_saved_in_one_statement(
    db: None, django_assert_num_queries: Any
) -> None:
    rows = [AccountFactory() for _ in range(3)]
    for number, row in enumerate(rows):
        row.name, row.is_demo, row.event_seq = f"New {number}", number == 1, number

    with django_assert_num_queries(1):
        store.update_rows(rows, ["name", "is_demo", "event_seq"])

    found = Account.objects.order_by("pk").values_list("name", "is_demo", "event_seq")
    assert list(found) == [("New 0", False, 0), ("New 1", True, 1), ("New 2", False, 2)]


def test_fetch_names_its_columns(db: None) -> None:
    assert store.fetch("SELECT 1 AS one, %s AS two", ["b"]) == [{"one": 1, "two": "b"}]


@pytest.mark.django_db(transaction=True)
def test_who_writes_soon_waits_for_the_lock_and_keeps_the_usual_patience() -> None:
    if store.is_postgresql():
        pytest.skip("PostgreSQL has no single lock")
    has_begun, may_end = threading.Event(), threading.Event()
    order: list[str] = []

    def hold() -> None:
        with transaction.atomic(), connection.cursor():
            has_begun.set()
            may_end.wait()
            order.append("held")
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    has_begun.wait()
    threading.Timer(0.05, may_end.set).start()
    with connection.cursor() as cursor:
        store.begin_soon(cursor)
        order.append("begun")
        cursor.execute("ROLLBACK")
        patience = cursor.execute("PRAGMA busy_timeout").fetchone()
    holder.join()

    assert order == ["held", "begun"]
    assert patience == (1000 * connection.settings_dict["OPTIONS"]["timeout"],)
