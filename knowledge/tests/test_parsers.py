"""Documents that others have made, sound and otherwise."""

from __future__ import annotations

import gzip
import os
import zipfile
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from knowledge.parsers.base import Page, Sitemap, Unreadable
from knowledge.parsers.sandbox import MOST_BYTES, Parsers
from knowledge.tests import documents

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def parsers() -> Iterator[Parsers]:
    with Parsers() as parsers:
        yield parsers


def test_a_page_is_read_without_its_menu_and_footer(parsers: Parsers) -> None:
    page = parsers.page("html", documents.html(lang="en-GB"))

    assert page == Page(
        "Delivery",
        "We deliver within three working days to every address there is.",
        "en-GB",
    )


def test_a_page_keeps_its_headings_lists_and_tables(parsers: Parsers) -> None:
    text = (
        "Orders go out every day.</p><h2>Zones</h2><ul><li>Near</li><li>Far</li></ul>"
        "<table><tr><th>Zone</th><th>Days</th></tr><tr><td>Far</td><td>5</td></tr></table>"
        "<details><summary>Is it free?</summary><p>Yes, it always is.</p></details><p>"
    )

    body = parsers.page("html", documents.html(text=text)).body

    for part in (
        "## Zones",
        "- Near",
        "| Far | 5 |",
        "Is it free?",
        "Yes, it always is.",
    ):
        assert part in body


def test_a_question_that_unfolds_its_answer_is_kept(parsers: Parsers) -> None:
    text = (
        "All that people ask us.</p><button aria-expanded='false'>What is the fee?</button>"
        "<div hidden>It is five euros for every parcel.</div><button>Buy</button><p>"
    )

    assert "What is the fee?" in parsers.page("html", documents.html(text=text)).body


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1251", "utf-16"])
def test_a_page_is_read_in_its_own_encoding(parsers: Parsers, encoding: str) -> None:
    text = (
        f'<html lang="ru"><head><meta charset="{encoding}"><title>Доставка</title></head>'
        "<body><p>Мы доставляем посылки за три рабочих дня по всей стране.</p></body></html>"
    )

    page = parsers.page("html", text.encode(encoding))

    assert page.title == "Доставка"
    assert "три рабочих дня" in page.body


def test_a_pdf_is_read_in_paragraphs(parsers: Parsers) -> None:
    lines = [
        "We deliver to every address in the country within three wor-",
        "king days. Orders that come in before noon leave on the same",
        "day.",
        "- Near: one day",
        "- Far: three days",
    ]

    page = parsers.page("pdf", documents.pdf(lines, title="Delivery"))

    assert page.title == "Delivery"
    assert page.body == (
        "We deliver to every address in the country within three working days. Orders"
        " that come in before noon leave on the same day.\n- Near: one day\n"
        "- Far: three days"
    )


def test_a_pdf_loses_its_running_titles_and_gains_its_bookmarks(
    parsers: Parsers,
) -> None:
    pages = [
        [
            "Larch Handbook",
            "Holidays" if n == 1 else f"Words of page {n}.",
            "More.",
            f"{n}",
        ]
        for n in range(5)
    ]

    body = parsers.page(
        "pdf", documents.pdf(*pages, bookmarks={"Holidays": 1, "Pay": 3})
    ).body

    assert "Handbook" not in body
    assert "# Holidays\n" in body
    assert "# Pay\n" in body
    assert body.index("# Pay") < body.index("page 3")


def test_a_word_document_is_read_as_markdown(parsers: Parsers) -> None:
    data = documents.word(
        "# Returns", "Send it back.", "- Label", [["Zone", "Price"], ["1", "5"]],
        title="Shop rules",
    )  # fmt: skip

    page = parsers.page("docx", data)

    assert page.title == "Shop rules"
    assert page.body == (
        "# Returns\n\nSend it back.\n\n- Label\n\n| Zone | Price |\n|---|---|\n| 1 | 5 |"
    )


def test_sitemaps_are_read_plain_and_packed(parsers: Parsers) -> None:
    pages = ("http://shop.example/a", "http://shop.example/b?x=1&amp;y=2")

    assert parsers.sitemap(documents.sitemap(*pages, pages[0])) == Sitemap(
        (pages[0], "http://shop.example/b?x=1&y=2")
    )
    assert parsers.sitemap(
        documents.sitemap("http://shop.example/s.xml", index=True, packed=True)
    ) == Sitemap((), ("http://shop.example/s.xml",))


def zipped(**parts: bytes) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return out.getvalue()


ENTITIES = (
    b'<!DOCTYPE urlset [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(
        b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)
    )
    + b"]><urlset><url><loc>&j;</loc></url></urlset>"
)
OUTSIDE = (
    b'<!DOCTYPE urlset [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    b"<urlset><url><loc>&a;</loc></url></urlset>"
)


@pytest.mark.parametrize(
    ("kind", "data", "why"),
    [
        ("html", b"", "not HTML"),
        ("html", b"\x89PNG\x00\xff", "not HTML"),
        ("html", b"<html><body><script>go()</script></body></html>", "no text"),
        ("pdf", b"", "not a sound PDF"),
        ("pdf", b"%PDF-1.4\n1 0 obj\n<<", "not a sound PDF"),
        ("pdf", documents.pdf([""]), "looks scanned"),
        ("pdf", documents.encrypted(documents.pdf(["Words."]), "secret"), "encrypted"),
        ("docx", b"PK\x03\x04", "not a sound Word document"),
        ("docx", b"\xd0\xcf\x11\xe0\xa1\xb1", "encrypted, or of the old .doc kind"),
        ("docx", zipped(a=b"x"), "not a sound Word document"),
        ("docx", zipped(bomb=bytes(250 * 1024 * 1024)), "more than a document can be"),
        ("docx", documents.word(), "no text"),
        ("sitemap", b"", "not XML"),
        ("sitemap", b"<html/>", "not a sitemap"),
        ("sitemap", b"<urlset><url>", "not XML"),
        ("sitemap", ENTITIES, "not XML"),
        ("sitemap", OUTSIDE, "document type"),
        ("sitemap", b"\x1f\x8bnonsense", "cannot be unpacked"),
        ("sitemap", gzip.compress(bytes(60 * 1024 * 1024)), "unpacks to more"),
        ("pdf", bytes(MOST_BYTES + 1), "larger than 20 MB"),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, str) else "",
)
def test_what_cannot_be_read_says_why(
    parsers: Parsers, kind: str, data: bytes, why: str
) -> None:
    with pytest.raises(Unreadable, match=why):
        parsers.sitemap(data) if kind == "sitemap" else parsers.page(kind, data)


def test_a_pdf_that_opens_without_a_password_is_read(parsers: Parsers) -> None:
    data = documents.encrypted(documents.pdf(["Open words."]), "")

    assert parsers.page("pdf", data).body == "Open words."


def test_a_document_that_takes_too_long_costs_only_itself() -> None:
    slow = b"<html><body>" + b"<p>word <b>word</b> word</p>" * 200_000

    with Parsers(timeout_s=0.3) as impatient:
        with pytest.raises(Unreadable, match=r"took more than 0\.3 s"):
            impatient.page("html", slow)

    with Parsers() as parsers:
        assert parsers.page("html", documents.html()).title == "Delivery"


def test_a_parser_that_dies_is_replaced() -> None:
    with Parsers() as parsers:
        parsers.page("html", documents.html())
        process = parsers._process
        assert process is not None
        os.kill(process.pid, 9)
        process.wait()

        assert parsers.page("html", documents.html()).title == "Delivery"


def test_a_parser_may_not_reach_out() -> None:
    from knowledge.parsers.__main__ import _refuse

    for event in (
        "socket.connect",
        "socket.getaddrinfo",
        "subprocess.Popen",
        "os.system",
    ):
        with pytest.raises(PermissionError):
            _refuse(event, ())
    with pytest.raises(PermissionError):
        _refuse("open", ("file", "wb", 0))
    _refuse("open", ("file", "rb", 0))
