from __future__ import annotations

from typing import TYPE_CHECKING

from knowledge.models import Entry
from knowledge.services import set_status
from knowledge.tests.factories import EntryFactory

if TYPE_CHECKING:
    from accounts.models import Account


def test_archiving_tells_the_indexes(account: Account) -> None:
    entries = [EntryFactory(account=account), EntryFactory(account=account)]
    account.refresh_from_db()
    before = account.knowledge_version

    count = set_status(entries, status=Entry.Status.ARCHIVED)

    account.refresh_from_db()
    assert count == 2
    assert not Entry.objects.published().exists()
    assert account.knowledge_version == before + 1


def test_what_is_so_already_changes_nothing(account: Account) -> None:
    entry = EntryFactory(account=account)
    account.refresh_from_db()
    before = account.knowledge_version

    assert set_status([entry], status=Entry.Status.PUBLISHED) == 0

    account.refresh_from_db()
    assert account.knowledge_version == before
