from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command

from knowledge.models import Entry

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
