from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse

from knowledge.models import Entry
from knowledge.tests.factories import EntryFactory

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import Account, User

VALUES = {
    "title": "Delivery",
    "body": "Three days.",
    "entry_type": "faq",
    "status": "published",
    "visibility": "customer",
    "revisions-TOTAL_FORMS": 0,
    "revisions-INITIAL_FORMS": 0,
}


def test_an_owner_adds_an_entry_to_the_own_account(
    client: Client, alice: User, account: Account
) -> None:
    client.force_login(alice)

    client.post(reverse("admin:knowledge_entry_add"), {**VALUES, "account": account.pk})

    entry = Entry.objects.get()
    assert (entry.account, entry.title) == (account, "Delivery")
    assert entry.revisions.get().author == alice


def test_an_id_that_is_taken_is_refused(
    client: Client, alice: User, account: Account
) -> None:
    EntryFactory(account=account, external_id="delivery")
    client.force_login(alice)

    response = client.post(
        reverse("admin:knowledge_entry_add"),
        {**VALUES, "account": account.pk, "external_id": "delivery"},
    )

    assert response.status_code == 200
    assert Entry.objects.count() == 1


def test_a_changed_text_is_a_revision_by_whoever_wrote_it(
    client: Client, alice: User, account: Account
) -> None:
    entry = EntryFactory(account=account)
    client.force_login(alice)

    client.post(reverse("admin:knowledge_entry_change", args=[entry.pk]), VALUES)

    newest = entry.revisions.first()
    assert newest is not None
    assert (newest.number, newest.body, newest.author) == (2, "Three days.", alice)


def test_archiving_from_the_list_tells_the_indexes(
    client: Client, alice: User, account: Account
) -> None:
    entry = EntryFactory(account=account)
    account.refresh_from_db()
    before = account.knowledge_version
    client.force_login(alice)

    client.post(
        reverse("admin:knowledge_entry_changelist"),
        {"action": "archive", "_selected_action": [entry.pk]},
    )

    entry.refresh_from_db()
    account.refresh_from_db()
    assert entry.status == Entry.Status.ARCHIVED
    assert account.knowledge_version == before + 1


def test_deleting_from_the_list_tells_the_indexes(
    client: Client, alice: User, account: Account
) -> None:
    entry = EntryFactory(account=account)
    account.refresh_from_db()
    before = account.knowledge_version
    client.force_login(alice)

    client.post(
        reverse("admin:knowledge_entry_changelist"),
        {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"},
    )

    account.refresh_from_db()
    assert not Entry.objects.exists()
    assert account.knowledge_version == before + 1


def test_a_foreign_entry_is_not_touched_by_an_action(
    client: Client, alice: User, charlie: User
) -> None:
    entry = EntryFactory(account=charlie.accounts.get())
    client.force_login(alice)

    client.post(
        reverse("admin:knowledge_entry_changelist"),
        {"action": "archive", "_selected_action": [entry.pk]},
    )

    entry.refresh_from_db()
    assert entry.status == Entry.Status.PUBLISHED


def test_an_entry_is_found_by_its_uuid(
    client: Client, alice: User, account: Account
) -> None:
    entry = EntryFactory(account=account)
    EntryFactory(account=account)
    client.force_login(alice)

    response = client.get(
        reverse("admin:knowledge_entry_changelist"), {"q": str(entry.uuid)}
    )

    assert [row.pk for row in response.context["cl"].result_list] == [entry.pk]
