"""The search index of one account: built once, read by many threads, never changed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge import text
from knowledge.concepts import concepts
from knowledge.examples import ExampleIndex
from knowledge.explaining import explain
from knowledge.postings import Floats, GramIndex
from knowledge.ranking import Evidence, describe, rank
from knowledge.words import WordIndex


@dataclass(frozen=True, slots=True)
class Document:
    """One searchable piece of an entry: all of it, or one chunk of a long body."""

    key: int
    #: The entry it belongs to; hits are grouped by it.
    entry: str
    title: str
    body: str
    #: Language of the text; empty means: find out.
    lang: str
    entry_type: str
    revision: int
    visibility: str
    #: Earlier questions of contacts that this entry resolved.
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that was found, with its best document."""

    document: Document
    #: Higher is better; only comparable within one search.
    score: float
    #: Share of the belief among all entries, 0 to 1.
    relevance: float


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits, best first, and what the confidence model needs to know of the search."""

    hits: tuple[Hit, ...]
    features: dict[str, float]
    #: Language of the query; empty when unsure.
    lang: str


class Index:
    """Finds the entries that answer a question, by words, letters and examples."""

    def __init__(self, documents: Sequence[Document]) -> None:
        #: Sorted by entry; vectors passed to ``search`` follow this order.
        self.documents = tuple(sorted(documents, key=lambda document: document.entry))
        self._langs = [
            document.lang or text.detect_language(f"{document.title} {document.body}")
            for document in self.documents
        ]
        self._languages = Counter(self._langs)
        entries = {document.entry: None for document in self.documents}
        row_of = {entry: row for row, entry in enumerate(entries)}
        self._entry_of = np.array(
            [row_of[document.entry] for document in self.documents], np.int32
        )
        self._entry_count = len(entries)
        #: What may be seen, by visibilities; the same few are asked for each time.
        self._visible: dict[
            frozenset[str] | None, tuple[NDArray[np.bool_], NDArray[np.int32]]
        ] = {}
        self._build()

    def _build(self) -> None:
        pairs = list(zip(self.documents, self._langs, strict=True))
        self._words = WordIndex(
            [
                (text.stems(document.title, lang), text.stems(document.body, lang))
                for document, lang in pairs
            ]
        )
        self._concepts = WordIndex(
            [
                (concepts(document.title, lang), concepts(document.body, lang))
                for document, lang in pairs
            ]
        )
        #: A concept says little about a long text, which touches many.
        self._title_brevity = _brevity([d.title for d in self.documents], _BRIEF_TITLE)
        self._brevity = _brevity([d.body for d in self.documents], _BRIEF_BODY)
        titles = [text.letters(document.title, lang) for document, lang in pairs]
        bodies = [text.letters(document.body, lang) for document, lang in pairs]
        sizes = (3, 4) if len(pairs) <= _SMALL else (4,)
        self._titles = GramIndex.build(titles, sizes)
        self._grams = GramIndex.build(
            [
                f"{title}{title}{body}"
                for title, body in zip(titles, bodies, strict=True)
            ],
            sizes,
        )
        rows = self._entry_of.tolist()
        questions = {
            (text.letters(question, lang), row): None
            for (document, lang), row in zip(pairs, rows, strict=True)
            for question in document.examples
        }
        self._examples = ExampleIndex.build(
            list(questions),
            list(dict.fromkeys(zip(titles, rows, strict=True))),
            self._entry_count,
        )

    def search(
        self,
        query: str,
        limit: int = 5,
        visibilities: frozenset[str] | None = None,
        similarity: NDArray[np.float32] | None = None,
    ) -> SearchResult:
        """The entries that answer best, of those with one of these visibilities.

        ``similarity`` may hold, for each of ``documents``, the cosine of its vector
        and the query's, where an embedding model is configured.
        """
        lang = text.detect_language(query)
        seen, entries = self._seen(visibilities)
        evidence = self._evidence(query[:_LONGEST], lang, seen, entries, similarity)
        if evidence is None:
            return SearchResult((), {}, lang)
        ranking = rank(evidence)
        touched = np.stack(list(evidence.signals.values())).max(axis=0) > 0
        hits = tuple(
            Hit(
                self._best_document(int(ranking.rows[at]), seen, evidence),
                float(ranking.scores[at]),
                float(ranking.shares[at]),
            )
            for at in np.flatnonzero(touched[ranking.order])[:limit]
        )
        if not hits:
            return SearchResult((), {}, lang)
        features = describe(evidence, ranking)
        features |= self._explain(query, lang, hits[0].document)
        features["verbatim"] = float(_asks_verbatim(query, hits))
        features["unexplained"] = (1 - features["explained"]) * features["terms"]
        return SearchResult(hits, features, lang)

    def _explain(self, query: str, lang: str, found: Document) -> dict[str, float]:
        match = self._match_language(lang, query)
        return explain(
            query[:_LONGEST],
            match,
            found.title,
            found.body[:_LONGEST_BODY],
            found.examples[:_MOST_EXAMPLES],
            self._words.tells,
        )

    def _seen(
        self, visibilities: frozenset[str] | None
    ) -> tuple[NDArray[np.bool_], NDArray[np.int32]]:
        """Which documents may be seen, and the entries they belong to."""
        known = self._visible.get(visibilities)
        if known is None:
            allowed = [
                visibilities is None or document.visibility in visibilities
                for document in self.documents
            ]
            seen = np.array(allowed, np.bool_)
            known = self._visible[visibilities] = seen, np.unique(self._entry_of[seen])
        return known

    def _match_language(self, lang: str, query: str) -> str:
        """The language of the entries that the query is compared in."""
        if lang in self._languages or (lang == "mn-Latn" and "mn" in self._languages):
            return lang
        cyrillic = text.is_cyrillic(query)
        fitting = [
            known
            for known, _ in self._languages.most_common()
            if (known in text.CYRILLIC_LANGUAGES) == cyrillic
        ]
        if fitting:
            return fitting[0]
        return "mn-Latn" if "mn" in self._languages and not cyrillic else lang

    def _evidence(
        self,
        query: str,
        lang: str,
        seen: NDArray[np.bool_],
        entries: NDArray[np.int32],
        similarity: NDArray[np.float32] | None,
    ) -> Evidence | None:
        """What every ranker says of every entry that may be seen."""
        match = self._match_language(lang, query)
        stems = self._query_stems(query, match)
        if not len(entries) or not stems:
            return None
        terms = self._words.terms(stems)
        line = self._query_letters(query, match)
        documents = {
            "words": self._words.bm25(terms) / np.float32(max(terms.total, 1e-6)),
            "coverage": self._words.coverage(terms),
            "title_words": self._words.title_cosine(terms),
            "grams": self._grams.cosines(line),
            "title_grams": self._titles.cosines(line),
        }
        ideas = self._concepts.terms(self._query_concepts(query, lang), spell=False)
        share = self._concepts.bm25(ideas) / np.float32(max(ideas.total, 1e-6))
        documents["concepts"] = share * self._brevity
        documents["title_concepts"] = (
            self._concepts.title_cosine(ideas)
            * self._title_brevity
            * np.sqrt(self._brevity)
        )
        if similarity is not None:
            documents["vector"] = similarity
        signals = {
            name: self._by_entry(np.where(seen, values, 0))[entries]
            for name, values in documents.items()
        }
        if self._examples is not None:
            vote, nearest = self._examples.votes(line)
            signals |= {"vote": vote[entries], "nearest": nearest[entries]}
        facts = {
            "terms": float(len(stems)),
            "unknown": terms.unknown / max(terms.total, 1e-6),
            "foreign": float(bool(lang) and match != lang),
            "entries": float(len(entries)),
        }
        return Evidence(entries, signals, documents, facts)

    def _query_stems(self, query: str, match: str) -> list[str]:
        found = text.stems(query, match)
        if match != "mn-Latn":
            return found
        kept = [text.fold(word) for word in text.tokenise(query)]
        return found + [word for word in kept if word in self._words]

    def _query_concepts(self, query: str, lang: str) -> list[str]:
        """In the query's language; of an uncertain one, in all of its script."""
        if lang:
            return concepts(query, lang)
        known = text.CYRILLIC_LANGUAGES
        if not text.is_cyrillic(query):
            known = frozenset(self._languages) - known
        return [idea for name in sorted(known) for idea in concepts(query, name)]

    def _query_letters(self, query: str, match: str) -> str:
        if match != "mn-Latn":
            return text.letters(query, match)
        words = (
            word if word in self._words else text.cyrillise(word)
            for word in map(text.fold, text.tokenise(query))
        )
        return f" {' '.join(map(text.fold, words))} "

    def _by_entry(self, values: Floats) -> Floats:
        """The best value among the documents of each entry."""
        best = np.zeros(self._entry_count, np.float32)
        np.maximum.at(best, self._entry_of, values)
        return best

    def _best_document(
        self, row: int, seen: NDArray[np.bool_], evidence: Evidence
    ) -> Document:
        own = np.flatnonzero(seen & (self._entry_of == row))
        values = evidence.documents["coverage"][own] + evidence.documents["grams"][own]
        return self.documents[int(own[int(np.argmax(values))])]


def _brevity(texts: Sequence[str], words: int) -> Floats:
    """1 for texts of up to so many words, less for longer ones."""
    lengths = np.array([len(content.split()) for content in texts], np.float32)
    return np.minimum(1, words / np.maximum(lengths, 1)).astype(np.float32)


_BRIEF_TITLE, _BRIEF_BODY = 9, 70

#: Up to here letter groups of three are indexed beside those of four.
_SMALL = 20_000
_LONGEST_BODY, _MOST_EXAMPLES = 10_000, 20
#: Longest query that is looked at.
_LONGEST = 2_000


def _asks_verbatim(query: str, hits: Sequence[Hit]) -> bool:
    """Whether the query is, word for word, a title or example of the first hit alone."""
    words = text.tokenise(query[:_LONGEST])

    def holds(hit: Hit) -> bool:
        known = (hit.document.title, *hit.document.examples)
        return any(text.tokenise(each) == words for each in known)

    return bool(words) and holds(hits[0]) and not any(map(holds, hits[1:]))
