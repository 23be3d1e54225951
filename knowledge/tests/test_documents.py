"""Entries from documents: HTML, PDF and Word files, short and long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from knowledge import search
from knowledge.importing import Item, Problem, import_entries, read
from knowledge.importing.sections import SHORTEST, WHOLE, Section, sections_of
from knowledge.models import Entry
from knowledge.tests import documents

if TYPE_CHECKING:
    from pathlib import Path

    from accounts.models import Account

LONG = "This chapter says a good deal about what people ask. " * 60


def test_a_folder_of_documents_is_read_file_by_file(tmp_path: Path) -> None:
    (tmp_path / "help").mkdir()
    (tmp_path / "help/delivery.html").write_bytes(documents.html())
    (tmp_path / "rules.pdf").write_bytes(documents.pdf(["Send it back."]))
    (tmp_path / "opening-hours.docx").write_bytes(documents.word("Ten to six."))
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-")
    (tmp_path / "note.md").write_text("Words.")
    (tmp_path / "table.csv").write_text("title,body\nA,B\n")

    found = list(read(tmp_path))

    assert [
        (each.external_id, each.title) for each in found if isinstance(each, Item)
    ] == [
        ("help/delivery.html", "Delivery"),
        ("note.md", "Note"),
        ("opening-hours.docx", "Opening hours"),
        ("rules.pdf", "Rules"),
    ]
    (problem,) = (each for each in found if isinstance(each, Problem))
    assert str(problem).startswith("broken.pdf: it is not a sound PDF")


@pytest.mark.parametrize(
    ("lang", "text", "told"),
    [
        ("mn-MN", "Any words at all.", "mn"),
        ("", "We deliver within three working days to every address.", "en"),
        ("", "Мы доставляем посылки за три рабочих дня по всей стране.", "ru"),
        ("x-klingon", "We deliver within three working days to them.", "en"),
    ],
)
def test_the_language_is_the_documents_own_or_told_by_its_words(
    tmp_path: Path, lang: str, text: str, told: str
) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(documents.html("Page", text, lang))

    (item,) = read(path)

    assert isinstance(item, Item)
    assert item.lang == told


def test_a_short_text_stays_whole() -> None:
    body = "# A\n\nWords.\n\n# B\n\nMore."

    assert sections_of(body) == [Section("", "", body)]


def test_a_long_text_without_chapters_stays_whole() -> None:
    body = f"# Only one\n\n{LONG * 4}"

    assert len(body) > WHOLE
    assert sections_of(body) == [Section("", "", body)]


def test_a_long_text_is_cut_at_its_chapters_and_loses_nothing() -> None:
    parts = [
        f"The beginning. {LONG}",
        f"## Pay\n\n{LONG}",
        f"## Leave\n\n### Sick leave\n\n{LONG}",
        f"## Pay\n\n{LONG}",
        "## Short\n\nWords.",
    ]
    body = "\n\n".join(part.strip() for part in parts)

    found = sections_of(body)

    assert [(each.heading, each.name) for each in found] == [
        ("", ""),
        ("Pay", "pay"),
        ("Leave", "leave"),
        ("Pay", "pay-2"),
    ]
    assert "\n\n".join(each.body for each in found) == body
    assert min(len(each.body) for each in found) >= SHORTEST


def handbook(*chapters: str) -> bytes:
    blocks = [block for name in chapters for block in (f"# {name}", LONG * 2)]
    return documents.word(*blocks, title="Handbook")


def test_the_chapters_of_a_document_are_entries_and_go_with_it(
    tmp_path: Path, account: Account
) -> None:
    path = tmp_path / "handbook.docx"
    path.write_bytes(handbook("Pay", "Leave", "Travel"))
    import_entries(account=account, items=read(path))
    assert dict(Entry.objects.values_list("external_id", "title")) == {
        "handbook.docx": "Handbook: Pay",
        "handbook.docx#leave": "Handbook: Leave",
        "handbook.docx#travel": "Handbook: Travel",
    }
    assert (
        search.load(account.pk)
        .search("Travel")
        .hits[0]
        .document.entry.endswith("#travel")
    )

    path.write_bytes(handbook("Pay", "Leave", "Health"))
    report = import_entries(account=account, items=read(path))

    assert str(report) == "added 1, changed 0, unchanged 2, failed 0, removed 1"
    gone = Entry.objects.get(external_id="handbook.docx#travel")
    assert gone.status == Entry.Status.ARCHIVED
    account.refresh_from_db()
    found = [
        hit.document.entry for hit in search.load(account.pk).search("Travel").hits
    ]
    assert "handbook.docx#travel" not in found


def test_a_document_that_cannot_be_read_keeps_its_chapters(
    tmp_path: Path, account: Account
) -> None:
    path = tmp_path / "handbook.docx"
    path.write_bytes(handbook("Pay", "Leave", "Travel"))
    import_entries(account=account, items=read(path))
    path.write_bytes(b"broken")

    report = import_entries(account=account, items=read(path))

    assert (report.removed, len(report.problems)) == (0, 1)
    assert Entry.objects.published().count() == 3


def test_columns_beside_the_text_are_honoured_where_they_are_stated(
    tmp_path: Path, account: Account
) -> None:
    path = tmp_path / "entries.csv"
    path.write_text(
        "entry_id,title,body,tags,status,visibility\n"
        'a,A,Words.,"x, y",draft,support\n'
        "b,B,Words.,,,\n"
    )
    import_entries(account=account, items=read(path))
    Entry.objects.filter(external_id="b").update(
        tags=["kept"], status="archived", visibility="support"
    )
    path.write_text("entry_id,title,body\na,A,Words.\nb,B,New words.\n")

    report = import_entries(account=account, items=read(path))

    assert (report.changed, report.unchanged) == (1, 1)
    stated, unstated = Entry.objects.order_by("external_id")
    assert (stated.tags, stated.status, stated.visibility) == (
        ["x", "y"],
        "draft",
        "support",
    )
    assert (unstated.tags, unstated.status, unstated.visibility) == (
        ["kept"],
        "archived",
        "support",
    )


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("A,B,x,gone,", "`status` is “gone”; it can be draft, published, archived"),
        ("A,B,x,,nobody", "`visibility` is “nobody”; it can be customer, support"),
        (f"A,B,{'x' * 101},,", "a tag with more than 100"),
    ],
    ids=["status", "visibility", "tag"],
)
def test_a_wrong_value_in_a_column_is_named(tmp_path: Path, row: str, why: str) -> None:
    path = tmp_path / "entries.csv"
    path.write_text(f"title,body,tags,status,visibility\n{row}\n")

    (problem,) = read(path)

    assert isinstance(problem, Problem)
    assert why in problem.why


@pytest.mark.parametrize(
    "front",
    ["tags: [a, 'b c']", "tags: a, b c", "tags:\n- a\n- b c", "tags:\n  - a\n  - b c"],
)
def test_front_matter_holds_tags_in_any_usual_way(tmp_path: Path, front: str) -> None:
    path = tmp_path / "note.md"
    path.write_text(f"---\ntitle: Note\n{front}\nstatus: draft\n---\nWords.\n")

    (item,) = read(path)

    assert isinstance(item, Item)
    assert (item.tags, item.status, item.title) == (("a", "b c"), "draft", "Note")
