from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from knowledge import sources
from knowledge.models import Entry, Source
from knowledge.source_reading import read_source
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
        {"action": "archive", "confirmed": "yes", "_selected_action": [entry.pk]},
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
        {
            "action": "delete_selected",
            "confirmed": "yes",
            "_selected_action": [entry.pk],
            "post": "yes",
        },
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
        {"action": "archive", "confirmed": "yes", "_selected_action": [entry.pk]},
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


# The import page --------------------------------------------------------------

IMPORT = "/admin/knowledge/entry/import/"
FORM = {"entry_type": "article"}


def a_file(name: str = "faq.csv", data: bytes = b"title,body\nA,B\n") -> Any:
    return SimpleUploadedFile(name, data)


def test_an_owner_uploads_a_file_and_sees_its_report(
    client: Client, alice: User, account: Account
) -> None:
    client.force_login(alice)

    sent = client.post(IMPORT, {**FORM, "account": account.pk, "file": a_file()})

    source = Source.objects.get()
    page = reverse("admin:knowledge_source_change", args=[source.pk])
    assert (sent.status_code, sent["location"]) == (302, page)
    waiting = client.get(page)
    assert waiting["Refresh"] == "2"
    assert sources.claim_due() == source
    source.refresh_from_db()
    read_source(source)
    shown = client.get(page)
    assert "added 1, changed 0, unchanged 0, failed 0" in shown.content.decode()
    assert "Refresh" not in shown
    assert Entry.objects.get().revisions.get().author == alice


def test_an_owner_gives_an_address(
    client: Client, alice: User, account: Account
) -> None:
    client.force_login(alice)

    client.post(
        IMPORT,
        {**FORM, "account": account.pk, "address": "https://shop.example/sitemap.xml",
         "every_hours": "24", "entry_type": "policy"},
    )  # fmt: skip

    source = Source.objects.get()
    assert (source.kind, source.every_hours, source.entry_type) == (
        "sitemap", 24, "policy",
    )  # fmt: skip
    assert source.asked_by == alice


def test_several_files_are_taken_at_once(
    client: Client, alice: User, account: Account
) -> None:
    client.force_login(alice)
    files = [a_file("a.csv"), a_file("b.csv")]

    client.post(IMPORT, {**FORM, "account": account.pk, "file": files})

    assert sorted(Source.objects.values_list("address", flat=True)) == [
        "a.csv",
        "b.csv",
    ]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "Choose files, or give an address."),
        ({"address": "http://127.0.0.1/x"}, "Addresses inside this network"),
        ({"address": "javascript:alert(1)"}, "Enter a valid URL"),
        ({"address": "https://shop.example/", "every_hours": "0"}, "greater than"),
    ],
    ids=["nothing", "private", "no address", "never"],
)
def test_the_import_page_says_what_is_wrong(
    client: Client, alice: User, account: Account, values: dict[str, str], said: str
) -> None:
    client.force_login(alice)

    response = client.post(IMPORT, {**FORM, "account": account.pk, **values})

    assert response.status_code == 200
    assert said in response.content.decode()
    assert not Source.objects.exists()


def test_a_file_of_a_strange_kind_is_refused(
    client: Client, alice: User, account: Account
) -> None:
    client.force_login(alice)

    response = client.post(
        IMPORT, {**FORM, "account": account.pk, "file": a_file("song.mp3")}
    )

    assert "is not of a kind that can be read" in response.content.decode()
    assert not Source.objects.exists()


def test_nobody_imports_into_a_foreign_account(
    client: Client, alice: User, bob: User, charlie: User
) -> None:
    client.force_login(alice)
    foreign = charlie.accounts.get()

    client.post(IMPORT, {**FORM, "account": foreign.pk, "file": a_file()})
    bob.is_staff = True
    bob.save()
    client.force_login(bob)

    assert client.get(IMPORT).status_code == 403
    assert not Source.objects.exists()


def test_an_owner_has_a_source_read_again(
    client: Client, alice: User, account: Account, charlie: User
) -> None:
    own, foreign = (
        Source.objects.create(
            account=each, kind="page", address="https://a.example/", state="read"
        )
        for each in (account, charlie.accounts.get())
    )
    client.force_login(alice)

    client.post(
        reverse("admin:knowledge_source_changelist"),
        {
            "action": "read_now",
            "confirmed": "yes",
            "_selected_action": [own.pk, foreign.pk],
        },
    )

    own.refresh_from_db()
    foreign.refresh_from_db()
    assert (own.state, foreign.state) == ("waiting", "read")
    assert own.due_at is not None


def test_an_owner_changes_the_rhythm_of_a_source(
    client: Client, alice: User, account: Account
) -> None:
    source = Source.objects.create(
        account=account, kind="page", address="https://a.example/", state="read"
    )
    client.force_login(alice)

    client.post(
        reverse("admin:knowledge_source_change", args=[source.pk]),
        {"every_hours": "12", "entry_type": "faq"},
    )

    source.refresh_from_db()
    assert (source.every_hours, source.entry_type) == (12, "faq")
    assert source.due_at is not None


def test_tags_are_written_one_a_line(
    client: Client, alice: User, account: Account
) -> None:
    entry = EntryFactory(account=account)
    client.force_login(alice)

    client.post(
        reverse("admin:knowledge_entry_change", args=[entry.pk]),
        {**VALUES, "tags": "parcels\n speed \n"},
    )

    entry.refresh_from_db()
    assert entry.tags == ["parcels", "speed"]
