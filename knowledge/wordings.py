"""How near each document is to a question in its words, concepts and letters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from knowledge import text
from knowledge.compact import GramBuilder
from knowledge.concepts import concepts_of
from knowledge.postings import Grams
from knowledge.words import WordCounts, WordIndex

if TYPE_CHECKING:
    from collections.abc import Sequence

    from knowledge.index import Document
    from knowledge.postings import Floats, GramIndex
    from knowledge.words import Terms


@dataclass(frozen=True, slots=True)
class WordingIndex:
    """Words and concepts of titles and bodies, and their letter groups."""

    words: WordIndex
    concepts: WordIndex
    titles: GramIndex
    #: Of titles and bodies together.
    grams: GramIndex
    #: A concept says little about a long text, which touches many.
    title_brevity: Floats
    brevity: Floats

    @classmethod
    def build(cls, documents: Sequence[Document], langs: Sequence[str]) -> WordingIndex:
        """From documents, each with its language."""
        # One pass, so that the words of all documents are never there at once.
        words, ideas = WordCounts(), WordCounts()
        titles = GramBuilder(len(documents))
        grams = GramBuilder(len(documents), of_passages=True)
        for start in range(0, len(documents), _BLOCK):
            block = slice(start, start + _BLOCK)
            lines: list[tuple[str, str]] = []
            for document, lang in zip(documents[block], langs[block], strict=True):
                title = _Words(document.title, lang)
                body = _Words(document.body, lang)
                words.add(title.stems(), body.stems())
                ideas.add(title.concepts(), body.concepts())
                lines.append((title.letters(), body.letters()))
            titles.add([title for title, _ in lines])
            grams.add([f"{title}{title}{body}" for title, body in lines])
        return cls(
            WordIndex.of(words),
            WordIndex.of(ideas),
            titles.build(),
            grams.build(),
            _brevity([each.title for each in documents], _BRIEF_TITLE),
            _brevity([each.body for each in documents], _BRIEF_BODY),
        )

    def documents(
        self, terms: Terms, line: str, ideas: Sequence[str]
    ) -> dict[str, Floats]:
        """What each ranker says of every document.

        Of a question's stems as ``words`` knows them, its folded text and its concepts.
        """
        # Titles and passages are as many, so their letter groups are of the same sizes.
        grams = Grams.of(line, self.grams.sizes)
        found = {
            "words": self.words.bm25(terms) / np.float32(max(terms.total, 1e-6)),
            "coverage": self.words.coverage(terms),
            "title_words": self.words.title_cosine(terms),
            "grams": self.grams.cosines_of(grams),
            "title_grams": self.titles.cosines_of(grams),
        }
        touched = self.concepts.terms(ideas, spell=False)
        share = self.concepts.bm25(touched) / np.float32(max(touched.total, 1e-6))
        found["concepts"] = share * self.brevity
        found["title_concepts"] = (
            self.concepts.title_cosine(touched)
            * self.title_brevity
            * np.sqrt(self.brevity)
        )
        return found


#: Documents read at a time.
_BLOCK = 1_000


class _Words:
    """The words of a text, in the shapes that are indexed."""

    def __init__(self, content: str, lang: str) -> None:
        self._words = text.tokenise(content)
        self._lang = lang

    def stems(self) -> list[str]:
        return text.stems_of(self._words, self._lang)

    def concepts(self) -> list[str]:
        stems = text.stems_of(self._words, self._lang, keep_stop_words=True)
        return concepts_of(stems, "mn" if self._lang == "mn-Latn" else self._lang)

    def letters(self) -> str:
        return text.letters_of(self._words, self._lang)


def _brevity(texts: Sequence[str], words: int) -> Floats:
    """1 for texts of up to so many words, less for longer ones."""
    lengths = np.array([len(content.split()) for content in texts], np.float32)
    return np.minimum(1, words / np.maximum(lengths, 1)).astype(np.float32)


_BRIEF_TITLE, _BRIEF_BODY = 9, 70
