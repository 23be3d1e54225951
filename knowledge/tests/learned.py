"""What an index is told of learned questions."""

from __future__ import annotations

from knowledge.documents import pages_of


def examples_of(account_id: int) -> dict[int, tuple[tuple[str, ...], tuple[str, ...]]]:
    """By entry row: the questions that were asked, and those made up."""
    return {
        document.key: (document.examples, document.generated)
        for page in pages_of(account_id)
        for document in page
        if document.examples or document.generated
    }
