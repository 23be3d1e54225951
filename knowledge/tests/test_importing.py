from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from knowledge.importing import (
    BATCH,
    Item,
    Problem,
    Report,
    UnreadableSource,
    import_entries,
    read,
)
from knowledge.models import Entry, Revision

if TYPE_CHECKING:
    from pathlib import Path

    from accounts.models import Account

LINE = {
    "entry_id": "e-1",
    "title": "Delivery",
    "body": "Three days.",
    "entry_type": "policy",
    "lang": "en",
}


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def lines(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def items(count: int, body: str = "Words.") -> list[Item]:
    return [
        Item(f"e-{number}", f"Entry {number}", body, "faq", "en", "test")
        for number in range(count)
    ]


def test_a_line_of_jsonl_is_an_entry(tmp_path: Path) -> None:
    path = write(tmp_path, "entries.jsonl", lines(LINE))

    assert list(read(path)) == [
        Item("e-1", "Delivery", "Three days.", "policy", "en", "entries.jsonl:1")
    ]


def test_blank_lines_and_a_byte_order_mark_are_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "entries.jsonl", "\ufeff" + lines(LINE) + "\n  \n")

    assert len(list(read(path))) == 1


def test_an_entry_without_id_is_named_by_its_title(tmp_path: Path) -> None:
    path = write(
        tmp_path, "entries.jsonl", lines({"title": "Хүргэлтийн үнэ", "body": "Үнэгүй."})
    )

    (item,) = read(path)

    assert isinstance(item, Item)
    assert (item.external_id, item.entry_type) == ("хүргэлтийн-үнэ", "faq")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[1]", "not an object"),
        (b'{"title": "\xff", "body": "x"}', "not UTF-8"),
        (b'{"title": "Only a title"}', "`body` is missing"),
        (b'{"title": "  ", "body": "x", "entry_id": "a"}', "`title` is missing"),
        (b'{"title": "x", "body": 5}', "`body` is not a text"),
        (b'{"title": "x", "body": "x", "entry_type": "poem"}', "it can be faq"),
        (b'{"title": "x", "body": "x", "lang": "longer-than-any"}', "more than 12"),
        (b'{"title": "%s", "body": "x"}' % (b"x" * 501), "more than 500"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_a_broken_line_says_why_and_loses_nothing_of_the_rest(
    tmp_path: Path, line: bytes, why: str
) -> None:
    path = write(tmp_path, "entries.jsonl", line + b"\n" + lines(LINE).encode())

    problem, item = read(path)

    assert isinstance(problem, Problem)
    assert problem.where == "entries.jsonl:1"
    assert why in problem.why
    assert isinstance(item, Item)


def test_what_a_database_cannot_hold_is_left_out(tmp_path: Path) -> None:
    path = write(tmp_path, "entries.jsonl", lines({**LINE, "body": "a\x00b\ud800c"}))

    (item,) = read(path)

    assert isinstance(item, Item)
    assert item.body == "ab?c"


def test_an_id_that_stands_twice_is_a_problem(tmp_path: Path) -> None:
    path = write(tmp_path, "entries.jsonl", lines(LINE, {**LINE, "title": "Other"}))

    _first, second = read(path)

    assert str(second) == (
        "entries.jsonl:2: the id “e-1” stands in entries.jsonl:1 already"
    )


@pytest.mark.parametrize(
    "delimiter", [",", ";", "\t"], ids=["comma", "semicolon", "tab"]
)
def test_a_row_of_csv_is_an_entry(tmp_path: Path, delimiter: str) -> None:
    rows = [["entry_id", "title", "body"], ["1", "Delivery", '"Three\ndays."']]
    text = "\r\n".join(delimiter.join(row) for row in rows)
    path = write(tmp_path, "entries.csv", "\ufeff" + text)

    (item,) = read(path)

    assert isinstance(item, Item)
    assert (item.external_id, item.body) == ("1", "Three\ndays.")


def test_a_broken_row_of_csv_loses_nothing_of_the_rest(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "entries.csv",
        b"title,body\nToo many,values,here\nBad,\xff\nNo body\nGood,Fine\n",
    )

    found = list(read(path))

    assert [str(each) for each in found[:3]] == [
        "entries.csv:2: more values than columns",
        "entries.csv:3: not UTF-8",
        "entries.csv:4: `body` is missing",
    ]
    assert isinstance(found[3], Item)


def test_a_csv_without_the_columns_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "entries.csv", "name,text\nx,y\n")

    with pytest.raises(UnreadableSource, match="no column body and no column title"):
        list(read(path))


def test_a_folder_of_markdown_is_read_file_by_file(tmp_path: Path) -> None:
    write(
        tmp_path,
        "shop/hours.md",
        '---\ntitle: "Opening hours"\ntype: faq\nlang: en\ntags: [a, b]\n---\nTen to six.\n',
    )
    write(tmp_path, "delivery.md", "# Delivery #\n\nThree days.\n\n---\n\nMore.\n")
    write(tmp_path, "gift-cards.md", "Valid for years.")
    write(tmp_path, "latin.md", b"\xff\xfe")
    write(tmp_path, ".git/notes.md", "hidden")
    write(tmp_path, "picture.png", b"\x89PNG")

    found = list(read(tmp_path))

    assert found == [
        Item(
            "delivery.md",
            "Delivery",
            "Three days.\n\n---\n\nMore.",
            "article",
            "",
            "delivery.md",
        ),
        Item(
            "gift-cards.md",
            "Gift cards",
            "Valid for years.",
            "article",
            "",
            "gift-cards.md",
        ),
        Problem("latin.md", "not UTF-8"),
        Item(
            "shop/hours.md",
            "Opening hours",
            "Ten to six.",
            "faq",
            "en",
            "shop/hours.md",
            tags=("a", "b"),
        ),
    ]


@pytest.mark.parametrize("name", ["missing.jsonl", "entries.xyz", "empty"])
def test_what_cannot_be_read_at_all_is_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path, "entries.xyz", "x")
    (tmp_path / "empty").mkdir()

    with pytest.raises(UnreadableSource):
        list(read(tmp_path / name))


def test_importing_adds_entries_with_their_first_revision(account: Account) -> None:
    report = import_entries(account=account, items=items(BATCH + 1))

    assert str(report) == f"added {BATCH + 1}, changed 0, unchanged 0, failed 0"
    entry = Entry.objects.get(external_id="e-0")
    assert (entry.account, entry.status, entry.revision) == (account, "published", 1)
    assert Revision.objects.filter(number=1).count() == BATCH + 1


def test_importing_again_updates_by_id(account: Account) -> None:
    import_entries(account=account, items=items(3))
    Entry.objects.filter(external_id="e-2").update(status="archived")
    changed = [*items(2), *items(3, "New words.")[2:]]

    report = import_entries(account=account, items=changed)

    assert str(report) == "added 0, changed 1, unchanged 2, failed 0"
    entry = Entry.objects.get(external_id="e-2")
    assert (entry.body, entry.revision, entry.status) == ("New words.", 2, "archived")
    assert [each.body for each in entry.revisions.all()] == ["New words.", "Words."]


def test_a_new_type_alone_makes_no_revision(account: Account) -> None:
    import_entries(account=account, items=items(1))
    (same,) = items(1)
    other = Item(same.external_id, same.title, same.body, "policy", "en", "test")

    report = import_entries(account=account, items=[other])

    assert report.changed == 1
    assert Entry.objects.get().entry_type == "policy"
    assert Revision.objects.count() == 1


def test_an_import_touches_only_its_account(account: Account, charlie: Any) -> None:
    import_entries(account=charlie.accounts.get(), items=items(1, "Charlie's words."))

    import_entries(account=account, items=items(1))

    assert set(Entry.objects.values_list("body", flat=True)) == {
        "Charlie's words.",
        "Words.",
    }


def test_the_knowledges_version_grows_once(account: Account) -> None:
    import_entries(account=account, items=items(BATCH * 2))

    account.refresh_from_db()
    assert account.knowledge_version == 1


def test_a_broken_off_import_is_seen_by_the_indexes(account: Account) -> None:
    def source() -> Any:
        yield from items(BATCH)
        raise UnreadableSource("gone")

    with pytest.raises(UnreadableSource):
        import_entries(account=account, items=source())

    account.refresh_from_db()
    assert Entry.objects.count() == BATCH
    assert account.knowledge_version == 1


def test_problems_are_counted_and_progress_is_told(account: Account) -> None:
    told: list[int] = []

    def note(report: Report) -> None:
        told.append(report.seen)

    report = import_entries(
        account=account,
        items=[*items(BATCH), Problem("here", "broken")],
        on_progress=note,
    )

    assert told == [BATCH, BATCH + 1]
    assert report.problems == [Problem("here", "broken")]
