"""Whether a passage answers a question or only speaks of the same things.

The sentence that holds most of the question is read word by word: is what is asked
for in it, are its names and numbers the question's, do they stand together and in
the same roles.
"""

import json
import math
import re
from collections.abc import Callable, Sequence, Set
from functools import lru_cache
from itertools import islice, pairwise
from pathlib import Path

from knowledge import text
from knowledge.roles import Word, roles_differ

_DATA: dict[str, dict[str, str]] = json.loads(
    Path(__file__).with_name("reading.json").read_text("utf-8")
)
_ASKS: dict[str, re.Pattern[str]] = {
    kind: re.compile(rf"\b(?:{'|'.join(phrases.values())})\b")  # type: ignore[attr-defined]
    for kind, phrases in _DATA.pop("asks").items()
}
_LISTS = {
    name: {lang: frozenset(words.split()) for lang, words in lists.items()}
    for name, lists in _DATA.items()
}
_NONE: frozenset[str] = frozenset()
_WORD = re.compile(r"[^\W_]+(?:['’ʼ][^\W_]+)*")

#: The features that ``read`` gives, each 0 where there is nothing to say.
FEATURES = (
    "read_sentences",
    "read_adjacent",
    "read_roles",
    "read_last_missing",
    "read_limits",
    "read_negation",
    "read_untyped",
)
#: The longest question and body that are read, in characters.
_LONGEST_QUERY, _LONGEST_BODY = 400, 10_000
#: Words of one sentence that are read.
_MOST_WORDS = 150


def read(
    query: str,
    lang: str,
    title: str,
    body: str,
    tells: Callable[[str], float] = lambda stem: 1.0,
) -> dict[str, float]:
    """Features that tell a passage which answers from one that only looks so.

    ``tells`` gives the weight of a stem, such as its idf. ``lang`` is the language
    that query and passage are compared in.
    """
    sentences = _sentences(body[:_LONGEST_BODY], lang)
    asked = _words(query[:_LONGEST_QUERY], lang)
    if not sentences or not asked:
        return dict.fromkeys(FEATURES, 0.0)
    reading = _Reading(asked, lang, _stems(_words(title, lang)), sentences, tells)
    return {
        "read_sentences": math.log(len(sentences)),
        "read_adjacent": reading.adjacent(),
        "read_roles": float(lang == "en" and roles_differ(asked, reading.best)),
        "read_last_missing": float(not reading.is_near(reading.content[-1].stem)),
        "read_limits": reading.limits(),
        "read_negation": reading.negation(),
        "read_untyped": float(reading.lacks_type(_asked_for(query))),
    }


def _asked_for(query: str) -> str:
    """What a question asks for: ``time``, ``number``, ``name``, or empty."""
    line = text.normalise(query)
    return next((kind for kind, asks in _ASKS.items() if asks.search(line)), "")


@lru_cache(maxsize=512)
def _sentences(body: str, lang: str) -> tuple[tuple[Word, ...], ...]:
    found = (_words(each, lang) for each in text.sentences(body))
    return tuple(words for words in found if words)


@lru_cache(maxsize=1024)
def _words(line: str, lang: str) -> tuple[Word, ...]:
    common = text.STOP_WORDS.get(lang, _NONE)
    found = []
    for at, match in enumerate(islice(_WORD.finditer(line), _MOST_WORDS)):
        raw = match[0]
        word = text.normalise(raw).replace("’", "'")
        found.append(
            Word(
                text.stem(word, lang),
                word,
                is_number=any(letter.isdigit() for letter in word),
                is_name=at > 0 and len(raw) > 1 and raw[0].isupper(),
                is_common=word in common,
            )
        )
    return tuple(found)


def _stems(words: Sequence[Word]) -> frozenset[str]:
    return frozenset(word.stem for word in words)


class _Reading:
    """A question beside the sentence that holds most of it."""

    def __init__(
        self,
        asked: tuple[Word, ...],
        lang: str,
        title: frozenset[str],
        sentences: tuple[tuple[Word, ...], ...],
        tells: Callable[[str], float],
    ) -> None:
        self.asked = asked
        self.lang = lang
        content = [word for word in asked if not word.is_common] or asked
        #: What the question tells, each stem once.
        self.content = list({word.stem: word for word in content}.values())
        self.weights = {word.stem: tells(word.stem) for word in self.content}
        stems = [_stems(sentence) for sentence in sentences]
        held = [self._share(each) for each in stems]
        row = max(range(len(held)), key=lambda row: (held[row], -row))
        beside = [near for near in (row - 1, row + 1) if 0 <= near < len(sentences)]
        self.best = sentences[row]
        #: The sentence with its neighbours.
        self.around = [word for near in (row, *beside) for word in sentences[near]]
        #: Stems of the sentence, of the title, and of the neighbour that adds most.
        added = (stems[near] - stems[row] for near in beside)
        self.near = (
            stems[row]
            | title
            | max(added, key=lambda each: self._share(frozenset(each)), default=_NONE)
        )
        #: Where each stem stands in the sentence.
        self.places: dict[str, list[int]] = {}
        for place, word in enumerate(self.best):
            self.places.setdefault(word.stem, []).append(place)

    def _share(self, stems: Set[str]) -> float:
        return sum(each for stem, each in self.weights.items() if stem in stems)

    def _list(self, name: str) -> frozenset[str]:
        return _LISTS[name].get(self.lang, _NONE)

    def is_near(self, stem: str) -> bool:
        """Whether the title, the sentence or its better neighbour has it."""
        return stem in self.near

    def adjacent(self) -> float:
        """Share of the question's neighbours that are neighbours in the sentence."""
        total = kept = 0.0
        for one, two in pairwise(self.content):
            weight = min(self.weights[one.stem], self.weights[two.stem])
            total += weight
            places, others = self.places.get(one.stem), self.places.get(two.stem)
            if places and others:
                apart = min(abs(this - that) for this in places for that in others)
                kept += weight * (apart <= _NEIGHBOURS)
        return kept / total if total else float(self.content[0].stem in self.places)

    def limits(self) -> float:
        """Words like "before", "first", "only" that are not near."""
        around = {word.word for word in self.around}
        asked = {word.word for word in self.asked} & self._list("limits")
        return float(len(asked - around))

    def negation(self) -> float:
        """Whether the question denies what the sentence does not."""
        known = self._list("negations")
        denied = any(word.word in known for word in self.asked)
        return float(denied and not any(word.word in known for word in self.best))

    def lacks_type(self, kind: str) -> bool:
        """Whether the sentence has nothing new of the kind that is asked for."""
        if not kind:
            return False
        asked = _stems(self.asked)
        return not any(
            self._fits(kind, place, word)
            for place, word in enumerate(self.best)
            if word.stem not in asked
        )

    def _fits(self, kind: str, place: int, word: Word) -> bool:
        if kind == "name":
            return word.is_name or (place == 0 and not word.is_common)
        names = self._list("times" if kind == "time" else "numbers")
        long_enough = kind == "number" or len(word.word) > _SHORTEST_YEAR
        return (word.is_number and long_enough) or word.word in names


_NEIGHBOURS = 4
_SHORTEST_YEAR = 2
