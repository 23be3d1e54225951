"""Whether an answer rests on what was found: its quotes, its figures, its language.

All checks are exact. A quote occurs in its passage or it does not; spelling is compared
without spaces, quote signs, case and Markdown marks, and without anything fuzzier.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final

from ai_model import prompts
from ai_model.figures import Figures, figures, invented
from knowledge import text as words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ai_model.drafts import Citation, Draft
    from ai_model.providers.base import Passage

#: Words that a quote must have at least, unless it is a whole sentence.
_SHORTEST_QUOTE: Final = 3
#: Words in a row that may be the contact's own.
_LONGEST_ECHO: Final = 4
#: Words from which on the language of an answer can be told.
_TELLING: Final = 8
#: Words in a row that only our own rules, or the owner's orders to us, would lend.
_RUN_OF_RULES, _RUN_OF_ORDERS = 8, 12
#: Kinds of notes that nothing can be cited from.
_NO_FACTS: Final = (*prompts.ORDERS, prompts.ABOUT)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a draft."""

    #: Empty: it is well supported; else `unsupported` or `wrong_language`.
    reason: str
    #: Passages that support it, in the order of its citations.
    cited: tuple[int, ...] = ()
    #: What exactly was wrong, for those who look into it.
    detail: str = ""


class Grounds:
    """What one answer may rest on."""

    def __init__(
        self,
        passages: Sequence[Passage],
        notes: Mapping[str, str],
        said: str,
        lang: str,
    ) -> None:
        self._texts = {each.number: each.text for each in passages}
        facts = [text for kind, text in notes.items() if kind not in _NO_FACTS]
        self._texts[prompts.NOTES] = "\n".join(facts)
        #: The owner's orders to the assistant may lend a telephone number, no secret.
        self._orders = "\n".join(notes.get(each, "") for each in prompts.ORDERS)
        self._said = "\n".join((said, notes.get(prompts.ABOUT, "")))
        self._lang = lang
        self._flat: dict[int, str] = {}
        #: An answer that is shown while it is written is judged many times.
        self._held: dict[Citation, bool] = {}
        self._figures: dict[tuple[int, ...], Figures] = {}
        self._runs: frozenset[tuple[str, ...]] | None = None

    @cached_property
    def _figures_said(self) -> Figures:
        return figures(self._said)

    @cached_property
    def _words_said(self) -> str:
        return flat(self._said)

    def judge(self, draft: Draft) -> Verdict:
        """Whether the draft may be given."""
        if not draft.citations:
            return Verdict("unsupported", detail="no quote")
        for each in draft.citations:
            if each not in self._held:
                self._held[each] = self._holds(each.passage, each.quote)
            if not self._held[each]:
                return Verdict("unsupported", detail=f"quote of {each.passage}")
        cited = tuple(dict.fromkeys(each.passage for each in draft.citations))
        if made_up := self._invented(draft.text, cited):
            return Verdict("unsupported", detail=f"{len(made_up)} figures")
        if self._repeats(draft.text, cited):
            return Verdict("unsupported", detail="the contact's own words")
        if self._gives_away(draft.text):
            return Verdict("unsupported", detail="instructions")
        if not self._speaks_their_language(draft.text):
            return Verdict("wrong_language")
        return Verdict("", cited)

    def _holds(self, number: int, quote: str) -> bool:
        """Whether the quote occurs, in whole words, in the passage of that number."""
        if not self._texts.get(number):
            return False
        wanted = flat(quote).strip(_EDGES)
        if number not in self._flat:
            self._flat[number] = _flat_passage(self._texts[number])
        found = re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", self._flat[number])
        if not wanted or found is None:
            return False
        return len(wanted.split()) >= _SHORTEST_QUOTE or wanted in {
            flat(each).strip(_EDGES) for each in words.sentences(self._texts[number])
        }

    def _invented(self, text: str, cited: tuple[int, ...]) -> set[str]:
        if cited not in self._figures:
            texts = (self._texts[number] for number in (*cited, prompts.NOTES))
            lines = (each for text in texts for each in _LINES.split(text))
            # What an entry says to an assistant is no fact about the business.
            facts = "\n".join(each for each in lines if not _TO_US.search(each))
            self._figures[cited] = _figures_of(facts)
        made = figures(_unnumbered(text), self._lang or "en")
        sources = self._figures[cited]
        if not invented(made, sources=sources):
            return set()
        found = invented(made, sources=sources, said=self._figures_said)
        if self._orders:
            lent = figures(self._orders)
            found -= lent.values | lent.links
        return found

    def _repeats(self, text: str, cited: tuple[int, ...]) -> bool:
        """Whether a sentence is the contact's, and not one that was found as well."""
        for sentence in map(flat, words.sentences(text)):
            plain = sentence.strip(_EDGES)
            if len(plain.split()) >= _LONGEST_ECHO and plain in self._words_said:
                found = (_flat_passage(self._texts[number]) for number in cited)
                return not any(plain in each for each in found)
        return False

    def _gives_away(self, text: str) -> bool:
        """Whether the text repeats a long stretch of what only we were told."""
        said = words.tokenise(text)
        if self._runs is None:
            self._runs = _runs(prompts.RULES, _RUN_OF_RULES) | _runs(
                self._orders, _RUN_OF_ORDERS
            )
        return any(
            tuple(said[at : at + size]) in self._runs
            for size in (_RUN_OF_RULES, _RUN_OF_ORDERS)
            for at in range(len(said) - size + 1)
        )

    def _speaks_their_language(self, text: str) -> bool:
        if not self._lang or len(text.split()) < _TELLING:
            return True
        found = words.detect_language(text)
        return not found or found.split("-")[0] == self._lang.split("-")[0]


@lru_cache(maxsize=64)
def _runs(text: str, size: int) -> frozenset[tuple[str, ...]]:
    known = words.tokenise(text)
    return frozenset(
        tuple(known[at : at + size]) for at in range(len(known) - size + 1)
    )


_LINES = re.compile(r"\n|(?<=[.!?])\s")
_TO_US = re.compile(
    r"\b(?:assistant|chat ?bot|bot|ai|llm|language model|ассистент\w*|помощник\w*|бот\w{0,2}"
    r"|нейросет\w*|asistente|ia|туслах\w*|хиймэл оюун\w*)\b",
    re.IGNORECASE,
)
_EDGES: Final = " .,;:!?…-"
_QUOTES = re.compile(r"[\"'’‘‛“”„«»‹›`´]+")
_DASHES = re.compile(r"[‐‑‒–—−]")
_LINKED = re.compile(r"!?\[([^\]\n]*)\]\([^)\n]*\)")
_MARKS = re.compile(r"(?m)^\s{0,8}(?:[-*+•>]|#{1,6})\s+|[*_~|\\]")


def flat(text: str) -> str:
    """A text on one line, without what copying may change."""
    text = unicodedata.normalize("NFKC", prompts.visible(text)).casefold()
    text = _MARKS.sub(" ", _LINKED.sub(r"\1", text))
    text = _DASHES.sub("-", _QUOTES.sub("", text))
    return " ".join(text.split())


# The same few passages answer most of what is asked.
_flat_passage = lru_cache(maxsize=256)(flat)
_figures_of = lru_cache(maxsize=256)(figures)


def _unnumbered(text: str) -> str:
    """Without the numbers of a list's items."""
    return re.sub(r"(?m)^\s*\d{1,2}[.)]\s", " ", text)
