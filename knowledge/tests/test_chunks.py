import pytest

from knowledge.chunks import WORDS, chunks
from knowledge.embeddable import texts_of
from knowledge.index import Document

PARAGRAPH = "Every tram of the line stops at the market on its way to the harbour. " * 4


def words(pieces):
    return [word for piece in pieces for word in piece.split()]


def test_a_short_body_stays_whole():
    assert chunks("Trams", "Line 4 runs daily.\n\nIt stops at the market.") == [
        "Line 4 runs daily.\n\nIt stops at the market."
    ]


BODIES = {
    "paragraphs": "\n\n".join([PARAGRAPH] * 9),
    "one paragraph": PARAGRAPH * 9,
    "headings": "\n\n".join(["## Line 4", PARAGRAPH, "## Line 5", PARAGRAPH * 3] * 3),
    "no seam at all": "tram" * 9_000,
    "nothing": "",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_pieces_are_small_and_lose_nothing(body):
    pieces = chunks("Trams", body)

    assert words(pieces) == words([body])
    assert all(len(piece.split()) <= WORDS for piece in pieces)


def test_a_heading_stays_with_what_follows():
    pieces = chunks("Trams", BODIES["headings"])

    assert not any(piece.splitlines()[-1].startswith("#") for piece in pieces)


def test_a_document_names_each_of_its_texts_once():
    document = Document(
        1,
        "trams",
        "Trams",
        "Line 4 runs daily. It is red.",
        "en",
        "faq",
        1,
        "customer",
        examples=("when does it run", "Trams"),
        generated=("is there a tram",),
    )

    passage = "Trams\nLine 4 runs daily. It is red."
    asked = ("when does it run", "is there a tram")
    sentences = ("Trams\nLine 4 runs daily.", "Trams\nIt is red.")
    assert texts_of(document, in_detail=True) == (passage, "Trams", *sentences, *asked)
    assert texts_of(document, in_detail=False) == (
        passage,
        "when does it run",
        "Trams",
        "is there a tram",
    )
