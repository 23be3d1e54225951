"""Small documents of each kind, made on the spot."""

from __future__ import annotations

import gzip
from io import BytesIO
from typing import TYPE_CHECKING

import docx
from pypdf import PdfReader, PdfWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PAGE = """<!doctype html><html lang="{lang}"><head><title>{title} – Larch</title></head>
<body><nav><a href="/">Home</a> <a href="/shop">Shop</a></nav>
<main><h1>{title}</h1><p>{text}</p></main><footer>Imprint, 2026</footer></body></html>"""


def html(title: str = "Delivery", text: str = "", lang: str = "en") -> bytes:
    """A page with a menu and a footer around its text."""
    text = text or "We deliver within three working days to every address there is."
    return PAGE.format(title=title, text=text, lang=lang).encode()


def pdf(
    *pages: Sequence[str], title: str = "", bookmarks: dict[str, int] | None = None
) -> bytes:
    """A document of one line of text after the other, in Latin letters."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode())
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for number, lines in enumerate(pages):
        shown = " T* ".join(f"({_escaped(line)}) Tj" for line in lines)
        stream = f"BT /F1 12 Tf 14 TL 50 750 Td {shown} ET".encode("latin-1")
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R"
            b" /Resources << /Font << /F1 3 0 R >> >> >>" % (5 + 2 * number)
        )
        objects.append(
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream)
        )
    return _finished(_file(objects), title, bookmarks or {})


def _escaped(line: str) -> str:
    return line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def _file(objects: Iterable[bytes]) -> bytes:
    out = BytesIO()
    out.write(b"%PDF-1.4\n")
    places = []
    for number, each in enumerate(objects, start=1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, each))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1))
    for place in places:
        out.write(b"%010d 00000 n \n" % place)
    out.write(
        b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (len(places) + 1, start)
    )
    return out.getvalue()


def _finished(data: bytes, title: str, bookmarks: dict[str, int]) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(BytesIO(data)))
    if title:
        writer.add_metadata({"/Title": title})
    for name, page in bookmarks.items():
        writer.add_outline_item(title=name, page_number=page)
    return _bytes(writer)


def encrypted(data: bytes, password: str) -> bytes:
    """The PDF, locked."""
    writer = PdfWriter(clone_from=PdfReader(BytesIO(data)))
    writer.encrypt(user_password=password, owner_password="owner", algorithm="AES-256")
    return _bytes(writer)


def _bytes(writer: PdfWriter) -> bytes:
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def word(*blocks: str | list[list[str]], title: str = "") -> bytes:
    """A document of paragraphs (`# ` heads them, `- ` lists them) and tables."""
    document = docx.Document()
    document.core_properties.title = title
    for block in blocks:
        if isinstance(block, list):
            table = document.add_table(len(block), len(block[0]))
            for row, cells in zip(table.rows, block, strict=True):
                for cell, text in zip(row.cells, cells, strict=True):
                    cell.text = text
        elif block.startswith("# "):
            document.add_heading(block[2:], 1)
        elif block.startswith("- "):
            document.add_paragraph(block[2:], style="List Bullet")
        else:
            document.add_paragraph(block)
    out = BytesIO()
    document.save(out)
    return out.getvalue()


def sitemap(*addresses: str, index: bool = False, packed: bool = False) -> bytes:
    """A sitemap of these pages, or an index of these sitemaps."""
    outer, inner = ("sitemapindex", "sitemap") if index else ("urlset", "url")
    listed = "".join(f"<{inner}><loc>{each}</loc></{inner}>" for each in addresses)
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<{outer} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{listed}</{outer}>'
    ).encode()
    return gzip.compress(text) if packed else text
