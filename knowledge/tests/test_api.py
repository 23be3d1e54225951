"""Entries over HTTP."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from knowledge import search
from knowledge.models import Entry
from knowledge.tests.factories import EntryFactory

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import Account, User
    from knowledge.tests.conftest import Calls

ENTRIES = "/api/v1/knowledge/entries/"
IMPORT = f"{ENTRIES}import/"
NEW = {
    "entry_id": "delivery",
    "title": "Delivery",
    "body": "Three days.",
    "entry_type": "policy",
    "lang": "en",
    "tags": ["parcels", "parcels", " speed "],
    "visibility": "support",
}


def found_by(account: Account, query: str) -> list[str]:
    """What a search for answers finds now."""
    index = search.load(account.pk)
    return [hit.document.entry for hit in index.search(query).hits]


# Lists ------------------------------------------------------------------------


def test_a_member_lists_the_entries_of_the_account(
    call: Calls, bob: User, account: Account
) -> None:
    first, second = EntryFactory(account=account), EntryFactory(account=account)

    response = call(bob).get(ENTRIES)

    assert response.status_code == 200
    assert [row["id"] for row in response.json()["results"]] == [
        str(second.uuid),
        str(first.uuid),
    ]
    assert response.json()["next"] is None
    assert "body" not in response.json()["results"][0]


def test_a_list_goes_on_where_the_page_before_has_ended(
    call: Calls, bob: User, account: Account
) -> None:
    entries = [EntryFactory(account=account) for _ in range(5)]
    client, seen, cursor = call(bob), [], ""

    while cursor is not None:
        page = client.get(
            ENTRIES, {"limit": 2, "cursor": cursor} if cursor else {"limit": 2}
        )
        seen += [row["title"] for row in page.json()["results"]]
        cursor = page.json()["next"]
        Entry.objects.filter(title=seen[-1]).delete()

    assert seen == [each.title for each in reversed(entries)]


@pytest.mark.parametrize(
    ("wanted", "titles"),
    [
        ({"status": "draft"}, ["B"]),
        ({"entry_type": "policy"}, ["A"]),
        ({"lang": "mn"}, ["C"]),
        ({"visibility": "support"}, ["B"]),
        ({"tag": "speed"}, ["C", "A"]),
        ({"tag": "spee"}, []),
        ({"entry_id": "a-1"}, ["A"]),
        ({"q": "ХҮРГЭЛТ"}, ["C"]),
        ({"q": "three d"}, ["A"]),
        ({"q": "%"}, []),
        ({"tag": "speed", "lang": "mn"}, ["C"]),
    ],
    ids=str,
)
def test_a_list_is_narrowed(
    call: Calls, bob: User, account: Account, wanted: dict[str, str], titles: list[str]
) -> None:
    EntryFactory(
        account=account, title="A", body="Three days.", entry_type="policy",
        tags=["speed", "parcels"], external_id="a-1",
    )  # fmt: skip
    EntryFactory(account=account, title="B", status="draft", visibility="support")
    EntryFactory(account=account, title="C", body="Хүргэлт", lang="mn", tags=["speed"])

    response = call(bob).get(ENTRIES, wanted)

    assert [row["title"] for row in response.json()["results"]] == titles


@pytest.mark.parametrize(
    "wanted",
    [
        {"status": "gone"},
        {"limit": "0"},
        {"limit": "x"},
        {"cursor": "x"},
        {"source": "x"},
    ],
    ids=str,
)
def test_a_list_refuses_nonsense(
    call: Calls, bob: User, wanted: dict[str, str]
) -> None:
    response = call(bob).get(ENTRIES, wanted)

    assert response.status_code == 400
    assert set(response.json()) >= {"detail", "code"}


def test_a_list_takes_few_queries(
    call: Calls, bob: User, account: Account, django_assert_max_num_queries: Any
) -> None:
    for _ in range(20):
        EntryFactory(account=account)
    client = call(bob)

    with django_assert_max_num_queries(6):
        client.get(ENTRIES)


# One entry --------------------------------------------------------------------


def test_an_owner_adds_an_entry(call: Calls, alice: User, account: Account) -> None:
    response = call(alice).post(ENTRIES, NEW, format="json")

    assert response.status_code == 201
    entry = Entry.objects.get()
    assert entry.account == account
    assert entry.revisions.get().author == alice
    assert response.json() == {
        **NEW,
        "id": str(entry.uuid),
        "tags": ["parcels", "speed"],
        "status": "published",
        "source": "",
        "read_from": None,
        "revision": 1,
        "created_at": response.json()["created_at"],
        "updated_at": response.json()["updated_at"],
    }


def test_an_entry_is_shown_whole(call: Calls, bob: User, account: Account) -> None:
    entry = EntryFactory(account=account)

    response = call(bob).get(f"{ENTRIES}{entry.uuid}/")

    assert response.json()["body"] == entry.body
    assert response.json()["entry_id"] == str(entry.uuid)


def test_put_replaces_and_keeps_the_id_that_a_source_knows(
    call: Calls, alice: User, account: Account
) -> None:
    entry = EntryFactory(account=account, external_id="e-1", tags=["old"], lang="mn")

    response = call(alice).put(
        f"{ENTRIES}{entry.uuid}/", {"title": "New", "body": "Words."}, format="json"
    )

    assert response.status_code == 200
    entry.refresh_from_db()
    assert (entry.title, entry.tags, entry.lang) == ("New", [], "")
    assert (entry.external_id, entry.revision) == ("e-1", 2)


def test_patch_changes_what_it_names(
    call: Calls, alice: User, account: Account
) -> None:
    entry = EntryFactory(account=account, tags=["old"])

    response = call(alice).patch(
        f"{ENTRIES}{entry.uuid}/", {"visibility": "support"}, format="json"
    )

    assert response.status_code == 200
    entry.refresh_from_db()
    assert (entry.visibility, entry.tags, entry.revision) == ("support", ["old"], 1)


@pytest.mark.parametrize("way", ["delete", "archive", "draft"])
def test_what_is_taken_away_leaves_the_answers_at_once(
    call: Calls, alice: User, account: Account, way: str
) -> None:
    client = call(alice)
    client.post(ENTRIES, {**NEW, "visibility": "customer"}, format="json")
    entry = Entry.objects.get()
    client.post(
        f"{ENTRIES}{entry.uuid}/examples/",
        {"questions": ["When does my sofa come?"]},
        format="json",
    )
    assert found_by(account, "Delivery") == ["delivery"]

    if way == "delete":
        client.delete(f"{ENTRIES}{entry.uuid}/")
    else:
        status = {"archive": "archived", "draft": "draft"}[way]
        client.patch(f"{ENTRIES}{entry.uuid}/", {"status": status}, format="json")

    account.refresh_from_db()
    assert search.peek(account.pk, account.knowledge_version) is None
    assert found_by(account, "Delivery") == []
    assert found_by(account, "When does my sofa come?") == []
    from knowledge.models import Example, Vector

    if way == "delete":
        assert not Example.objects.exists()
        assert not Vector.objects.exists()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"title": ""}, "title"),
        ({"title": None}, "title"),
        ({"body": "x" * 1_000_001}, "body"),
        ({"entry_type": "poem"}, "entry_type"),
        ({"status": 5}, "status"),
        ({"tags": "a" * 101}, "tags"),
        ({"tags": [1]}, "tags"),
        ({"title": "a\x00b"}, "title"),
        ({"lang": "longer-than-any"}, "lang"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_wrong_value_is_named(
    call: Calls, alice: User, change: dict[str, Any], named: str
) -> None:
    response = call(alice).post(ENTRIES, {**NEW, **change}, format="json")

    assert response.status_code == 400
    assert response.json()["code"] == "invalid"
    assert response.json()["detail"].startswith(f"{named}:")
    assert not Entry.objects.exists()


@pytest.mark.parametrize("body", ["{", "[]", '"x"', ""], ids=str)
def test_a_body_that_is_no_entry_is_refused(
    call: Calls, alice: User, body: str
) -> None:
    response = call(alice).post(ENTRIES, body, content_type="application/json")

    assert response.status_code == 400
    assert response.json()["detail"]


def test_an_id_that_is_taken_is_refused(
    call: Calls, alice: User, account: Account
) -> None:
    EntryFactory(account=account, external_id="delivery")

    response = call(alice).post(ENTRIES, NEW, format="json")

    assert (response.status_code, response.json()["code"]) == (409, "conflict")


def test_a_body_over_the_limit_is_refused(call: Calls, alice: User) -> None:
    body = json.dumps({**NEW, "body": "x" * 1_100_000})

    response = call(alice).post(ENTRIES, body, content_type="application/json")

    assert (response.status_code, response.json()["code"]) == (413, "too_large")


# Who may do what --------------------------------------------------------------


def paths(entry: Entry) -> list[tuple[str, str]]:
    return [
        ("get", ENTRIES),
        ("post", ENTRIES),
        ("get", f"{ENTRIES}{entry.uuid}/"),
        ("put", f"{ENTRIES}{entry.uuid}/"),
        ("patch", f"{ENTRIES}{entry.uuid}/"),
        ("delete", f"{ENTRIES}{entry.uuid}/"),
        ("post", IMPORT),
    ]


def test_every_path_needs_sign_in(call: Calls, account: Account) -> None:
    entry = EntryFactory(account=account)

    for method, path in paths(entry):
        response = getattr(call(), method)(path)
        assert (response.status_code, path) == (401, path)
        assert response.json()["code"] == "not_authenticated"


def test_other_accounts_are_hidden(
    call: Calls, charlie: User, account: Account
) -> None:
    entry = EntryFactory(account=account)
    client = call(charlie)

    assert client.get(ENTRIES).json()["results"] == []
    for method, path in paths(entry)[2:6]:
        response = getattr(client, method)(path, NEW, format="json")
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
    client.post(IMPORT, json.dumps(NEW), content_type="application/x-ndjson")
    assert Entry.objects.for_account(account).get() == entry


def test_what_is_missing_is_a_404(call: Calls, alice: User) -> None:
    path = f"{ENTRIES}{uuid.uuid4()}/"

    for method in ("get", "put", "patch", "delete"):
        assert getattr(call(alice), method)(path).status_code == 404


def test_support_reads_and_does_not_write(
    call: Calls, bob: User, account: Account
) -> None:
    entry = EntryFactory(account=account)

    for method, path in paths(entry):
        response = getattr(call(bob), method)(path, NEW, format="json")
        wanted = 200 if method == "get" else 403
        assert (response.status_code, path) == (wanted, path)
    assert Entry.objects.get() == entry


def test_a_wrong_method_is_refused(call: Calls, alice: User, account: Account) -> None:
    entry = EntryFactory(account=account)

    for method, path in [
        ("delete", ENTRIES),
        ("post", f"{ENTRIES}{entry.uuid}/"),
        ("get", IMPORT),
    ]:
        response = getattr(call(alice), method)(path)
        assert response.status_code == 405
        assert response.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", [ENTRIES, IMPORT, "/api/v1/knowledge/sources/"])
def test_a_missing_slash_is_told(client: Client, db: None, path: str) -> None:
    response = client.post(path.rstrip("/"))

    assert response.status_code == 404
    assert response.json()["detail"].endswith(f"The path is {path}.")


def test_whoever_is_signed_in_needs_no_token(
    client: Client, alice: User, account: Account
) -> None:
    EntryFactory(account=account)
    client.force_login(alice)

    assert len(client.get(ENTRIES).json()["results"]) == 1
    assert client.get(ENTRIES, {"account": str(account.uuid)}).status_code == 200
    assert client.get(ENTRIES, {"account": str(uuid.uuid4())}).status_code == 403


# Import -----------------------------------------------------------------------


def test_json_lines_are_imported(call: Calls, alice: User, account: Account) -> None:
    lines = json.dumps(NEW) + "\noops\n"

    response = call(alice).post(IMPORT, lines, content_type="application/x-ndjson")

    assert response.status_code == 200
    assert response.json() == {
        "added": 1,
        "changed": 0,
        "unchanged": 0,
        "removed": 0,
        "failed": 1,
        "problems": [
            {
                "where": "body.jsonl:2",
                "why": "not JSON: Expecting value: line 1 column 1 (char 0)",
            }
        ],
        "notes": [],
    }
    entry = Entry.objects.get()
    assert (entry.tags, entry.visibility) == (["parcels", "speed"], "support")
    assert entry.revisions.get().author == alice


def test_a_file_in_a_form_is_imported(call: Calls, alice: User, tmp_path: Any) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("title,body,tags\nPrice,Five,a;b\n")

    with path.open("rb") as file:
        response = call(alice).post(IMPORT, {"file": file})

    assert response.json()["added"] == 1
    entry = Entry.objects.get()
    assert (entry.source, entry.tags) == ("prices.csv:2", ["a", "b"])


@pytest.mark.parametrize(
    ("sent", "kind", "status"),
    [
        ("x", "image/png", 415),
        ("x", "text/csv", 400),
        ("", "application/x-ndjson", 400),
        ("{}", "application/json", 400),
        ('{"url": 5}', "application/json", 400),
        ('{"url": "ftp://shop.example/x"}', "application/json", 400),
        ('{"url": "http://127.0.0.1/x"}', "application/json", 400),
        ('{"url": "http://localhost/x.xml"}', "application/json", 400),
        ("[]", "application/json", 400),
    ],
    ids=str,
)
def test_nonsense_is_not_imported(
    call: Calls, alice: User, sent: str, kind: str, status: int
) -> None:
    response = call(alice).post(IMPORT, sent, content_type=kind)

    assert response.status_code == status
    assert response.json()["detail"]
    assert not Entry.objects.exists()


def test_a_file_of_a_strange_kind_is_refused(
    call: Calls, alice: User, tmp_path: Any
) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(b"x")

    with path.open("rb") as file:
        response = call(alice).post(IMPORT, {"file": file})

    assert response.status_code == 400
    assert "song.mp3" in response.json()["detail"]


def test_a_file_over_the_limit_is_refused(call: Calls, alice: User) -> None:
    response = call(alice).post(
        IMPORT, b"x" * (21 * 1024 * 1024), content_type="application/pdf"
    )

    assert (response.status_code, response.json()["code"]) == (413, "too_large")


def test_a_body_without_a_length_is_refused(call: Calls, alice: User) -> None:
    response = call(alice).post(
        IMPORT,
        json.dumps(NEW),
        content_type="application/x-ndjson",
        HTTP_TRANSFER_ENCODING="chunked",
    )

    assert (response.status_code, response.json()["code"]) == (411, "length_required")
