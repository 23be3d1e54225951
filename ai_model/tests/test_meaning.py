"""A turn compares the question's meaning where vectors are at hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ai_model.tests.test_answering import INDEX, ask
from knowledge.embeddable import texts_of
from knowledge.index import Index
from knowledge.queries import QueryEncoder

#: Two directions: that of returning something, and that of everything else.
RETURNING, OTHER = np.eye(2, dtype=np.float32)
VECTORS = {
    text: RETURNING if document.entry == "e2" else OTHER
    for document in INDEX.documents
    for text in texts_of(document, in_detail=True)
}


@pytest.fixture
def service(settings: Any, network: Any) -> Any:
    settings.EMBEDDINGS = "openai"
    settings.EMBEDDINGS_API_KEY = "key"
    settings.EMBEDDINGS_BASE_URL = "http://127.0.0.1:9/v1"
    settings.EMBEDDINGS_MODEL = "tiny"
    return network


def retrieved(index: Index, monkeypatch: Any) -> list[str]:
    """The entries that are found for words that stand in none."""
    monkeypatch.setattr("ai_model.tests.test_answering.INDEX", index)
    found = ask(
        "xyzzy quux", chain=("local",), embed_query=QueryEncoder().vector
    ).retrieved
    return [each["entry_id"] for each in found]


def test_words_that_no_entry_has_find_the_entry_that_means_them(
    service: Any, monkeypatch: Any
) -> None:
    service.answer({"data": [{"index": 0, "embedding": [2.0, 0.1]}]})

    found = retrieved(Index(INDEX.documents, VECTORS), monkeypatch)

    assert found[0] == "e2"


def test_trouble_with_the_encoder_leaves_the_words(
    service: Any, monkeypatch: Any
) -> None:
    service.answer(500)

    assert ask(chain=("local",)).retrieved[0]["entry_id"] == "e1"
    assert retrieved(Index(INDEX.documents, VECTORS), monkeypatch) == []


def test_an_index_without_vectors_asks_no_encoder(
    service: Any, monkeypatch: Any
) -> None:
    assert retrieved(INDEX, monkeypatch) == []
    assert not service.requests
