"""Sitemaps, and indexes of sitemaps; packed ones too."""

from __future__ import annotations

import zlib

from lxml import etree

from knowledge.parsers.base import Sitemap, Unreadable

#: What a packed sitemap may unpack to; the protocol's own limit.
MOST_BYTES = 50 * 1024 * 1024


def parse(data: bytes) -> Sitemap:
    """The addresses that it lists, each once; raises `Unreadable`."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(_unpacked(data), parser)
    except etree.XMLSyntaxError as exc:
        raise Unreadable(f"it is not XML: {exc.msg}") from exc
    if root is None or root.getroottree().docinfo.doctype:
        raise Unreadable("it defines a document type, which no sitemap needs")
    kind = etree.QName(root).localname
    if kind not in {"urlset", "sitemapindex"}:
        raise Unreadable("it is XML, but not a sitemap")
    found = (
        (part.text or "").strip()
        for each in root
        for part in each
        if isinstance(part.tag, str) and etree.QName(part).localname == "loc"
    )
    addresses = tuple(dict.fromkeys(address for address in found if address))
    return Sitemap(pages=addresses) if kind == "urlset" else Sitemap((), addresses)


def _unpacked(data: bytes) -> bytes:
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        unpacked = zlib.decompressobj(47).decompress(data, MOST_BYTES + 1)
    except zlib.error as exc:
        raise Unreadable("it cannot be unpacked") from exc
    if len(unpacked) > MOST_BYTES:
        raise Unreadable(f"it unpacks to more than {MOST_BYTES} bytes")
    return unpacked
