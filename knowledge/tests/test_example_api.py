"""Learned questions over HTTP."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pytest

from knowledge.models import Entry, Example
from knowledge.tests.factories import EntryFactory

if TYPE_CHECKING:
    from accounts.models import Account, User
    from knowledge.tests.conftest import Calls

IMPORT = "/api/v1/knowledge/examples/import/"


@pytest.fixture
def entry(account: Account) -> Entry:
    return EntryFactory(account=account, external_id="delivery")


def path_of(entry: Entry) -> str:
    return f"/api/v1/knowledge/entries/{entry.uuid}/examples/"


def lines(*pairs: tuple[str, str]) -> str:
    return "".join(
        json.dumps({"entry_id": entry, "question": question}) + "\n"
        for entry, question in pairs
    )


def test_an_owner_adds_questions_to_an_entry(
    call: Calls, alice: User, entry: Entry
) -> None:
    sent = {"questions": ["When does it come?", "when does it COME", "…"]}

    response = call(alice).post(path_of(entry), sent, format="json")

    assert response.status_code == 200
    assert response.json() == {
        "added": 1,
        "known": 1,
        "failed": 1,
        "problems": [{"where": "questions[2]", "why": "the question has no words"}],
    }
    example = Example.objects.get()
    assert (example.origin, example.status) == ("imported", "approved")
    assert example.reviewed_by == alice


def test_a_member_lists_the_questions_of_an_entry(
    call: Calls, bob: User, alice: User, entry: Entry
) -> None:
    call(alice).post(path_of(entry), {"questions": ["When?"]}, format="json")

    page = call(bob).get(path_of(entry)).json()

    (row,) = page["results"]
    assert (row["question"], row["status"], page["next"]) == ("When?", "approved", None)


def test_questions_are_imported_by_the_ids_of_their_entries(
    call: Calls, alice: User, entry: Entry, account: Account
) -> None:
    written = EntryFactory(account=account)
    body = lines(
        ("delivery", "When?"), (written.public_id, "How long?"), ("no", "What?")
    )

    response = call(alice).post(IMPORT, body, content_type="application/x-ndjson")

    assert response.json() == {
        "added": 2,
        "known": 0,
        "failed": 1,
        "problems": [{"where": "body.jsonl:3", "why": "there is no entry “no”"}],
    }


@pytest.mark.parametrize(
    ("sent", "kind", "status"),
    [
        ("", "application/x-ndjson", 400),
        ("{}", "application/json", 400),
        ("%PDF", "application/pdf", 400),
        ("x", "image/png", 415),
        ("question\nWhen?\n", "text/csv", 400),
    ],
)
def test_nonsense_is_refused(
    call: Calls, alice: User, entry: Entry, sent: str, kind: str, status: int
) -> None:
    response = call(alice).post(IMPORT, sent, content_type=kind)

    assert response.status_code == status
    assert "/tmp" not in response.json()["detail"]  # noqa: S108


@pytest.mark.parametrize("sent", [{}, {"questions": []}, {"questions": "x"}, []])
def test_no_questions_are_refused(
    call: Calls, alice: User, entry: Entry, sent: object
) -> None:
    response = call(alice).post(path_of(entry), sent, format="json")

    assert response.status_code == 400


def test_every_path_needs_sign_in(call: Calls, entry: Entry) -> None:
    assert call().get(path_of(entry)).status_code == 401
    assert call().post(path_of(entry)).status_code == 401
    assert call().post(IMPORT).status_code == 401


def test_other_accounts_are_hidden(call: Calls, charlie: User, entry: Entry) -> None:
    client = call(charlie)

    assert client.get(path_of(entry)).status_code == 404
    assert client.post(path_of(entry), {"questions": ["x"]}).status_code == 404
    body = lines(("delivery", "When?"), (str(entry.uuid), "When?"))
    imported = client.post(IMPORT, body, content_type="application/x-ndjson")
    assert imported.json()["failed"] == 2
    assert not Example.objects.exists()


def test_what_is_missing_is_a_404(call: Calls, alice: User) -> None:
    path = f"/api/v1/knowledge/entries/{uuid.uuid4()}/examples/"

    assert call(alice).get(path).status_code == 404


def test_support_reads_and_does_not_write(call: Calls, bob: User, entry: Entry) -> None:
    assert call(bob).get(path_of(entry)).status_code == 200
    assert call(bob).post(path_of(entry)).status_code == 403
    assert call(bob).post(IMPORT).status_code == 403


def test_a_wrong_method_is_refused(call: Calls, alice: User, entry: Entry) -> None:
    assert call(alice).delete(path_of(entry)).status_code == 405
    assert call(alice).get(IMPORT).status_code == 405
