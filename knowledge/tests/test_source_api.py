"""Sources over HTTP."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from django.utils import timezone

from knowledge import sources
from knowledge.models import Entry, Source
from knowledge.tests import documents
from knowledge.tests.factories import EntryFactory

if TYPE_CHECKING:
    from accounts.models import Account, User
    from core.tests.network import Network
    from knowledge.tests.conftest import Calls

SOURCES = "/api/v1/knowledge/sources/"
PAGE = "https://shop.example/delivery"


@pytest.fixture
def source(account: Account) -> Source:
    return Source.objects.create(
        account=account, kind="page", address=PAGE, state="read", report="added 1"
    )


def paths(source: Source) -> list[tuple[str, str]]:
    one = f"{SOURCES}{source.uuid}/"
    return [
        ("get", SOURCES),
        ("post", SOURCES),
        ("get", one),
        ("patch", one),
        ("delete", one),
        ("post", f"{one}read/"),
    ]


def test_a_member_sees_sources(call: Calls, bob: User, source: Source) -> None:
    listed = call(bob).get(SOURCES).json()
    shown = call(bob).get(f"{SOURCES}{source.uuid}/").json()

    assert listed == {"results": [shown], "next": None}
    assert (shown["address"], shown["state"]) == (PAGE, "read")
    assert shown["report"] == "added 1"


def test_an_owner_adds_a_source_that_is_due_at_once(
    call: Calls, alice: User, account: Account
) -> None:
    response = call(alice).post(
        SOURCES, {"address": "https://shop.example/sitemap.xml", "every_hours": 24},
        format="json",
    )  # fmt: skip

    assert response.status_code == 201
    assert (response.json()["kind"], response.json()["state"]) == ("sitemap", "waiting")
    claimed = sources.claim_due()
    assert claimed is not None
    assert (claimed.account, claimed.asked_by) == (account, alice)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"address": "http://10.0.0.1/"}, "address"),
        ({"address": "no address"}, "address"),
        ({}, "address"),
        ({"address": PAGE, "kind": "file"}, "kind"),
        ({"address": PAGE, "every_hours": 0}, "every_hours"),
        ({"address": PAGE, "entry_type": "poem"}, "entry_type"),
    ],
    ids=str,
)
def test_a_wrong_value_is_named(
    call: Calls, alice: User, values: dict[str, Any], named: str
) -> None:
    response = call(alice).post(SOURCES, values, format="json")

    assert response.status_code == 400
    assert response.json()["detail"].startswith(f"{named}:")


def test_an_address_that_is_there_already_is_refused(
    call: Calls, alice: User, source: Source
) -> None:
    response = call(alice).post(SOURCES, {"address": PAGE}, format="json")

    assert (response.status_code, response.json()["code"]) == (409, "conflict")


def test_a_source_gets_another_rhythm(call: Calls, alice: User, source: Source) -> None:
    path = f"{SOURCES}{source.uuid}/"

    response = call(alice).patch(path, {"every_hours": 12}, format="json")

    assert response.status_code == 200
    source.refresh_from_db()
    assert source.every_hours == 12
    assert source.due_at is not None
    call(alice).patch(path, {"every_hours": None}, format="json")
    source.refresh_from_db()
    assert source.due_at is None


def test_a_source_is_read_when_it_is_asked_for(
    call: Calls, alice: User, source: Source
) -> None:
    path = f"{SOURCES}{source.uuid}/read/"

    response = call(alice).post(path)

    assert (response.status_code, response.json()["state"]) == (202, "waiting")
    claimed = sources.claim_due()
    assert claimed == source
    again = call(alice).post(path)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert call(alice).delete(f"{SOURCES}{source.uuid}/").status_code == 409


def test_a_source_goes_and_its_entries_stay(
    call: Calls, alice: User, source: Source, account: Account
) -> None:
    EntryFactory(account=account, read_from=source)

    assert call(alice).delete(f"{SOURCES}{source.uuid}/").status_code == 204

    assert not Source.objects.exists()
    assert Entry.objects.get().read_from is None


def test_every_path_needs_sign_in(call: Calls, source: Source) -> None:
    for method, path in paths(source):
        assert getattr(call(), method)(path).status_code == 401


def test_other_accounts_are_hidden(call: Calls, charlie: User, source: Source) -> None:
    client = call(charlie)

    assert client.get(SOURCES).json()["results"] == []
    for method, path in paths(source)[2:]:
        assert getattr(client, method)(path).status_code == 404


def test_what_is_missing_is_a_404(call: Calls, alice: User) -> None:
    path = f"{SOURCES}{uuid.uuid4()}/"

    for method, each in [("get", path), ("patch", path), ("post", f"{path}read/")]:
        assert getattr(call(alice), method)(each).status_code == 404


def test_support_reads_and_does_not_write(
    call: Calls, bob: User, source: Source
) -> None:
    for method, path in paths(source):
        wanted = 200 if method == "get" else 403
        assert getattr(call(bob), method)(path).status_code == wanted


def test_a_wrong_method_is_refused(call: Calls, alice: User, source: Source) -> None:
    assert call(alice).put(f"{SOURCES}{source.uuid}/").status_code == 405
    assert call(alice).get(f"{SOURCES}{source.uuid}/read/").status_code == 405


# An address, imported at once --------------------------------------------------

IMPORT = "/api/v1/knowledge/entries/import/"


def test_a_page_is_imported_while_its_sender_waits(
    call: Calls, alice: User, network: Network
) -> None:
    network.answer(
        httpx2.Response(
            200, content=documents.html(), headers={"content-type": "text/html"}
        )
    )

    response = call(alice).post(IMPORT, {"url": PAGE}, format="json")

    assert response.status_code == 200
    assert response.json()["added"] == 1
    assert response.json()["source"]["state"] == "read"
    assert Entry.objects.get().title == "Delivery"


def test_a_page_that_fails_is_in_the_report(
    call: Calls, alice: User, network: Network
) -> None:
    network.answer(503)

    response = call(alice).post(IMPORT, {"url": PAGE}, format="json")

    assert response.status_code == 200
    assert response.json()["problems"] == [
        {"where": PAGE, "why": "shop.example answered 503."}
    ]
    assert response.json()["source"]["state"] == "failed"


def test_a_sitemap_is_imported_by_a_worker(
    call: Calls, alice: User, network: Network
) -> None:
    url = "https://shop.example/sitemap.xml"

    response = call(alice).post(IMPORT, {"url": url}, format="json")

    assert response.status_code == 202
    assert response.json()["source"]["state"] == "waiting"
    assert network.requests == []
    assert Source.objects.get().due_at <= timezone.now()
