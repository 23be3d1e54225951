"""What of a document is turned into vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from knowledge import text

if TYPE_CHECKING:
    from knowledge.index import Document

#: Up to so many entries of an account each sentence has a vector of its own; with more,
#: the time to compute them and the memory to hold them outgrow their use.
MOST_IN_DETAIL = 5_000
_MOST_SENTENCES = 12


def passage(document: Document) -> str:
    """The document as one text, under its title."""
    return f"{document.title}\n{document.body}"


def sentences(document: Document) -> list[str]:
    """Its first sentences, each under the title."""
    found = text.sentences(document.body)[:_MOST_SENTENCES]
    return [f"{document.title}\n{sentence}" for sentence in found]


def is_in_detail(entries: int) -> bool:
    """Whether an account with so many entries has vectors of single sentences."""
    return entries <= MOST_IN_DETAIL


def texts_of(document: Document, *, in_detail: bool) -> tuple[str, ...]:
    """Every text of the document that the index wants a vector of, each once.

    Not in detail, the title alone and the single sentences are left out.
    """
    detail = (document.title, *sentences(document)) if in_detail else ()
    texts = (passage(document), *detail, *document.examples, *document.generated)
    return tuple(dict.fromkeys(text for text in texts if text.strip()))
