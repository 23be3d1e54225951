"""The search index of one account: built once, read by many threads, never changed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from knowledge import text
from knowledge.concepts import concepts
from knowledge.examples import ExampleIndex
from knowledge.explaining import explain
from knowledge.meanings import MeaningIndex
from knowledge.postings import Floats
from knowledge.ranking import Evidence, describe, rank
from knowledge.reading import read
from knowledge.wordings import WordingIndex


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
    #: Questions that were made up for it and approved; they weigh less.
    generated: tuple[str, ...] = ()


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


@dataclass(frozen=True, slots=True)
class Words:
    """What a question's words alone say of the entries that may be seen."""

    query: str
    lang: str
    seen: NDArray[np.bool_]
    #: None when they say nothing.
    evidence: Evidence | None


class Index:
    """Finds the entries that answer a question, by words, letters and examples."""

    def __init__(
        self,
        documents: Sequence[Document],
        vectors: Mapping[str, Floats] | None = None,
    ) -> None:
        """``vectors`` holds a unit vector for all ``texts_of`` the documents.

        A document without them is found by its words alone.
        """
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
        #: Where the documents of each entry start; one longer than the entries.
        starts = self._entry_of.searchsorted(np.arange(self._entry_count + 1))
        self._starts: list[int] = starts.tolist()
        #: What may be seen, by visibilities; the same few are asked for each time.
        self._visible: dict[
            frozenset[str] | None, tuple[NDArray[np.bool_], NDArray[np.int32]]
        ] = {}
        self._wordings = WordingIndex.build(self.documents, self._langs)
        self._build_examples()
        self._meanings = MeaningIndex.build(
            self.documents, self._entry_of, vectors or {}
        )

    @property
    def wants_vector(self) -> bool:
        """Whether the vector of a question would help to answer it."""
        return self._meanings is not None

    def _build_examples(self) -> None:
        places = list(
            zip(self.documents, self._langs, self._entry_of.tolist(), strict=True)
        )
        asked = {
            (text.letters(question, lang), row): None
            for document, lang, row in places
            for question in document.examples
        }
        made_up = {
            (text.letters(question, lang), row): None
            for document, lang, row in places
            for question in document.generated
        }
        titles = (
            {
                (text.letters(document.title, lang), row): None
                for document, lang, row in places
            }
            if asked or made_up
            else {}
        )
        self._examples = ExampleIndex.build(
            list(asked),
            [each for each in made_up if each not in asked],
            list(titles),
            self._entry_count,
        )
        self._facts = _facts(self.documents, self._entry_count, len(asked))

    def search(
        self,
        query: str,
        limit: int = 5,
        visibilities: frozenset[str] | None = None,
        vector: Floats | None = None,
        words: Words | None = None,
    ) -> SearchResult:
        """The entries that answer best, of those with one of these visibilities.

        ``vector`` is the query's, of unit length and from the documents' encoder;
        without it the words alone decide. ``words`` is what ``weigh`` gave for the same.
        """
        words = words or self.weigh(query, visibilities)
        lang, seen, evidence = words.lang, words.seen, words.evidence
        if evidence is None:
            return SearchResult((), {}, lang)
        if vector is not None and self._meanings is not None:
            evidence = self._with_meanings(evidence, seen, vector, self._meanings)
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

    def weigh(self, query: str, visibilities: frozenset[str] | None = None) -> Words:
        """The part of a search that can be done before the query's vector is there."""
        lang = text.detect_language(query)
        seen, entries = self._seen(visibilities)
        evidence = self._evidence(query[:_LONGEST], lang, seen, entries)
        return Words(query, lang, seen, evidence)

    def _explain(self, query: str, lang: str, found: Document) -> dict[str, float]:
        match = self._match_language(lang, query)
        query, body = query[:_LONGEST], found.body[:_LONGEST_BODY]
        tells = self._wordings.words.tells
        examples = found.examples[:_MOST_EXAMPLES]
        return explain(query, match, found.title, body, examples, tells) | read(
            query, match, found.title, body, tells
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
    ) -> Evidence | None:
        """What every ranker of words says of every entry that may be seen."""
        match = self._match_language(lang, query)
        stems = self._query_stems(query, match)
        if not len(entries) or not stems:
            return None
        wordings = self._wordings
        terms = wordings.words.terms(stems)
        line = self._query_letters(query, match)
        ideas = self._query_concepts(query, lang)
        documents = wordings.documents(terms, line, ideas)
        hidden = None if seen.all() else ~seen
        signals = {
            name: self._of_entries(values, hidden, entries)
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
            **self._facts,
        }
        return Evidence(entries, signals, documents, facts)

    def _with_meanings(
        self,
        evidence: Evidence,
        seen: NDArray[np.bool_],
        vector: Floats,
        meanings: MeaningIndex,
    ) -> Evidence:
        """The same with what the vectors say."""
        entries = evidence.entries
        near = meanings.documents(vector)
        closest = meanings.nearest(vector)
        leaning = (
            np.maximum(self._by_entry(near), closest)
            if meanings.voters is None
            else meanings.voters.votes(vector)
        )
        hidden = None if seen.all() else ~seen
        signals = {
            "vector": self._of_entries(near, hidden, entries),
            "leaning": leaning[entries],
            "closest": closest[entries],
        }
        return replace(
            evidence,
            signals=evidence.signals | signals,
            documents=evidence.documents | {"vector": near},
        )

    def _query_stems(self, query: str, match: str) -> list[str]:
        found = text.stems(query, match)
        if match != "mn-Latn":
            return found
        kept = [text.fold(word) for word in text.tokenise(query)]
        return found + [word for word in kept if word in self._wordings.words]

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
            word if word in self._wordings.words else text.cyrillise(word)
            for word in map(text.fold, text.tokenise(query))
        )
        return f" {' '.join(map(text.fold, words))} "

    def _of_entries(
        self,
        values: Floats,
        hidden: NDArray[np.bool_] | None,
        entries: NDArray[np.int32],
    ) -> Floats:
        """The best value of each of these entries; hidden documents have none."""
        if hidden is not None:
            values = np.where(hidden, 0, values)
        found = self._by_entry(values)
        return found if len(entries) == self._entry_count else found[entries]

    def _by_entry(self, values: Floats) -> Floats:
        """The best value among the documents of each entry."""
        if len(values) == self._entry_count:
            return np.maximum(values, 0)
        best = np.zeros(self._entry_count, np.float32)
        np.maximum.at(best, self._entry_of, values)
        return best

    def _best_document(
        self, row: int, seen: NDArray[np.bool_], evidence: Evidence
    ) -> Document:
        first, end = self._starts[row], self._starts[row + 1]
        if end - first == 1:
            return self.documents[first]
        own = slice(first, end)
        values = evidence.documents["coverage"][own] + evidence.documents["grams"][own]
        return self.documents[first + int(np.where(seen[own], values, -1).argmax())]


def _facts(
    documents: Sequence[Document], entries: int, questions: int
) -> dict[str, float]:
    """How much its earlier questions can teach, and how short its texts are."""
    if not documents:
        return {}
    words = sum(len(document.body.split()) for document in documents) / len(documents)
    return {
        "experience": questions / (questions + _TEACHING * entries),
        "short": min(1.0, _BRIEF / max(words, 1)) ** 2,
    }


#: So many earlier questions for each entry teach half of what there is to learn.
_TEACHING = 2
#: Bodies of up to so many words say one thing.
_BRIEF = 50


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
