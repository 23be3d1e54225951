from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command

from knowledge.models import Entry
from knowledge.tests.factories import EntryFactory

if TYPE_CHECKING:
    from pathlib import Path

    from accounts.models import Account

GOOD = '{"entry_id": "a", "title": "Delivery", "body": "Three days."}\n'


def test_import_entries_prints_a_summary(
    account: Account, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "entries.jsonl"
    path.write_text(GOOD)

    call_command("import_entries", str(path), account=str(account.uuid))

    assert capsys.readouterr().out == "added 1, changed 0, unchanged 0, failed 0\n"


def test_import_entries_names_what_failed_and_keeps_the_rest(
    account: Account, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "entries.jsonl"
    path.write_text(f"oops\n{GOOD}")

    with pytest.raises(CommandError, match="1 of 2 were not imported") as caught:
        call_command("import_entries", str(path), account=account.name)

    assert caught.value.returncode == 1
    assert capsys.readouterr().err.startswith("entries.jsonl:1: not JSON")
    assert Entry.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "path", "said"),
    [
        ("Nobody's", "entries.jsonl", "no account with the name or id “Nobody's”"),
        ("Alice's Shop", "missing", "no file or folder"),
    ],
    ids=["account", "path"],
)
def test_import_entries_refuses_wrong_names(
    account: Account, name: str, path: str, said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("import_entries", path, account=name)


def test_import_examples_takes_questions_in_and_names_what_failed(
    account: Account, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = EntryFactory(account=account, external_id="7")
    path = tmp_path / "history.jsonl"
    path.write_bytes(
        b'{"question": "When will it come?", "entry_id": 7}\n'
        b"oops\n"
        b'{"question": "", "entry_id": "7"}\n'
        b'{"question": "Where is it?", "entry_id": "8"}\n'
        b'{"question": "\xff", "entry_id": "7"}\n'
    )

    with pytest.raises(CommandError, match="4 of 5 were not imported") as caught:
        call_command("import_examples", str(path), account=account.name)

    assert caught.value.returncode == 1
    out, err = capsys.readouterr()
    assert out == "added 1, known 0, failed 4\n"
    assert [line.split(" ")[0] for line in err.splitlines()] == [
        "history.jsonl:2:", "history.jsonl:3:", "history.jsonl:5:", "history.jsonl:4:",
    ]  # fmt: skip
    assert entry.examples.get().status == "approved"


def test_import_examples_reads_csv_and_can_wait_for_a_review(
    account: Account, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = EntryFactory(account=account, external_id="delivery")
    path = tmp_path / "history.csv"
    path.write_text("entry_id;question\ndelivery;When, please?\n")

    call_command("import_examples", str(path), account=account.name, review=True)

    assert capsys.readouterr().out == "added 1, known 0, failed 0\n"
    row = entry.examples.get()
    assert (row.text, row.origin, row.status) == (
        "When, please?", "imported", "proposed",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.jsonl", None, "There is no file"),
        ("history.txt", "", "is not JSONL"),
        ("history.csv", "entry_id,text\n", "has no column question"),
    ],
    ids=["missing", "kind", "columns"],
)
def test_import_examples_refuses_what_it_cannot_read(
    account: Account, tmp_path: Path, name: str, content: str | None, said: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)

    with pytest.raises(CommandError, match=said):
        call_command("import_examples", str(path), account=account.name)
