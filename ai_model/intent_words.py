"""What each word of a message does in a request for a person, as one letter.

The words of each language stand in ``intent.json``, under the letters of ``TAGS``: a
``_`` joins the words of a phrase, a ``*`` stands for any ending or beginning, and
``-`` lists words that are dropped first.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from knowledge import text as words
from knowledge.spelling import typing_errors

#: What each letter stands for. Earlier ones win over later ones of the same length.
TAGS = {
    "x": "words that only look like a request: travel agent, password manager",
    "q": "asks who is there: are you a",
    "V": "asks for a call: call me back",
    "G": "orders to be put through: connect me",
    "K": "a person in a case that asks by itself: хүнтэй, temsilciyle",
    "S": "somebody, anyone",
    "P": "a person: human, operator, manager, support",
    "B": "a machine: bot, robot",
    "D": "fed up with it: tired of, stop",
    "R": "refers to an earlier request: asked for",
    "W": "wants, needs, give me",
    "n": "not wanted, said after the word: не надо, gerek yok",
    "N": "not, no, without",
    "#": "a number or quantity",
    "M": "can I, is there, enough of",
    "C": "to talk, to write, to reach",
    "H": "what a person should do: help, answer, look at it",
    "T": "in the past: spoke, promised",
    "E": "says what somebody is: I am a, as a",
    "Y": "my, our",
    "O": "somebody else: my wife, the courier",
    "A": "real, living",
    "L": "there, here",
    "i": "asks for information: what, how many",
    "conj": "joins clauses: but, just",
    "F": "says nothing about it: please, now",
}

DATA = json.loads(Path(__file__).with_name("intent.json").read_text("utf-8"))
_REQUESTS: dict[str, dict[str, str]] = DATA["requests"]
#: Words that are right as they are, though close to one that matters.
_COMMON = frozenset(map(words.fold, DATA["common"].split()))
#: Tags whose words are also recognised in a message of another language.
_SHARED = frozenset("PSKBWGVCA")
#: Tags whose words are recognised with typing errors.
_MISTYPED = frozenset("PSKBWGVCAHR")


Phrase = tuple[str, ...]


@dataclass(slots=True)
class _Lexicon:
    """The words and phrases of one language, each with its tag."""

    #: By first word, or by its first two letters when only its beginning is given:
    #: the phrase, its tag, and whether it has no ``*``.
    phrases: dict[str, list[tuple[Phrase, str, bool]]] = field(default_factory=dict)
    #: Words that are recognised with typing errors, by what is left of them. Tuples,
    #: because a set for each of a hundred thousand keys takes 20 MB.
    spelled: dict[str, tuple[str, ...]] = field(default_factory=dict)
    #: Every word that is part of a phrase.
    known: set[str] = field(default_factory=set)
    #: Words that are left out before phrases are looked for.
    skipped: set[str] = field(default_factory=set)

    def add(self, phrase: Phrase, tag: str) -> None:
        first = phrase[0]
        key = first if "*" not in first else "*" if first[0] == "*" else first[:2] + "*"
        exact = "*" not in "".join(phrase)
        self.phrases.setdefault(key, []).append((phrase, tag, exact))
        self.known.update(phrase)
        if tag in _MISTYPED:
            for word in phrase:
                plain = word.strip("*")
                for part in _shortened(plain.translate(_SOUND)):
                    known = self.spelled.get(part, ())
                    if plain not in known:
                        self.spelled[part] = (*known, plain)

    def match(self, tokens: Sequence[str], at: int) -> tuple[int, str]:
        """How many tokens the longest phrase here takes, and its tag; 0 for none."""
        token = tokens[at]
        found: tuple[int, bool, str] = (0, False, "")
        for key in (token, token[:2] + "*", "*"):
            for phrase, tag, exact in self.phrases.get(key, ()):
                if (len(phrase), exact) > found[:2] and _fits(phrase, tokens, at):
                    found = (len(phrase), exact, tag)
        return found[0], found[2]

    def correct(self, token: str) -> str:
        """The word of this language that a mistyped one was meant to be.

        Longer words come first: most typing errors lose a letter.
        """
        allowed = 2 if len(token) >= _LONG else 1
        sound = token.translate(_SOUND)
        near = {
            word for part in _shortened(sound) for word in self.spelled.get(part, ())
        }
        for word in sorted(near, key=lambda word: (-len(word), word)):
            if len(token) < _SHORT and not _close(token, word):
                continue
            if typing_errors(sound, word.translate(_SOUND), allowed) <= allowed:
                return word
        return token


def _shortened(word: str) -> set[str]:
    """The word without any one letter (any two of a long one), and itself.

    Two words one or two typing errors apart have one of these in common.
    """
    once = {word[:at] + word[at + 1 :] for at in range(len(word))}
    found = once | {word}
    if len(word) >= _LONG - 1:
        found |= {
            part[:at] + part[at + 1 :] for part in once for at in range(len(part))
        }
    return found


#: Russian vowels that sound alike when unstressed.
_SOUND = str.maketrans("ое", "аи")
#: From this length on two typing errors are forgiven; below the other, few.
_LONG, _SHORT = 10, 5


def _close(token: str, word: str) -> bool:
    """Short words: letters swapped or one letter lost."""
    return token[0] == word[0] and (
        sorted(token) == sorted(word) or len(word) == len(token) + 1
    )


def _fits(phrase: Phrase, tokens: Sequence[str], at: int) -> bool:
    if at + len(phrase) > len(tokens):
        return False
    return all(
        token == part
        or (part.endswith("*") and token.startswith(part[:-1]))
        or (part.startswith("*") and len(part) > 1 and token.endswith(part[1:]))
        for part, token in zip(phrase, tokens[at:], strict=False)
    )


@lru_cache(maxsize=1)
def _lexicons() -> dict[str, _Lexicon]:
    built = {}
    for lang, classes in _REQUESTS.items():
        built[lang] = lexicon = _Lexicon()
        lexicon.skipped.update(split(classes.get("-", "")))
        for tag in TAGS:
            for phrase in classes.get(tag, "").split():
                lexicon.add(tuple(split(phrase.replace("_", " "), "*")), tag)
    return built


def split(text: str, also: str = "") -> list[str]:
    """Folded words; hyphens part words, apostrophes vanish, ``!!!`` and ``uuu`` shrink."""
    plain = words.normalise(text).replace("'", "").replace("’", "")
    plain = re.sub(r"([^\W\d_])\1{2,}", r"\1", plain)
    return [
        words.fold(token)
        for token in re.findall(rf"(?:[^\W_]|[{also}])+" if also else r"[^\W_]+", plain)
    ]


def tags(text: str, lang: str) -> Iterator[str]:
    """One tag for each word or phrase of a clause; ``w`` for words of no class."""
    main, others = _languages(lang, text)
    skipped = set().union(*(_lexicons()[name].skipped for name in main))
    latin = [token for token in split(text) if token not in skipped]
    cyrillic = [_from_latin(token) for token in latin]
    is_latin = not words.is_cyrillic(text)
    read = cyrillic if is_latin and main == ("mn",) else latin
    read = [_corrected(token, main, others) for token in read]
    at = 0
    while at < len(read):
        taken, tag = _look_up(read, at, main)
        if not taken:
            taken, tag = _look_up(latin, at, others, _SHARED)
        if not taken and is_latin:
            taken, tag = _look_up(cyrillic, at, ("mn", "ru"), _SHARED)
        if not taken:
            number = any(letter.isdigit() for letter in read[at])
            taken, tag = 1, "#" if number else "w"
        yield tag
        at += taken


def may_ask(text: str, lang: str) -> bool:
    """Whether a request for a person is possible: no word for one, no request.

    Quick, for the hot path; where it says no, `tags` would find nothing that asks.
    """
    main, others = _languages(lang, text)
    plain = split(text)
    skipped = _skipped()
    for tokens in (plain, [token for token in plain if token not in skipped]):
        forms = [_forms(token, main, others) for token in tokens]
        for at, own in enumerate(forms):
            for phrase in _openers(own):
                rest = forms[at + 1 : at + len(phrase)]
                if len(rest) == len(phrase) - 1 and all(
                    any(_fits((part,), (form,), 0) for form in each)
                    for part, each in zip(phrase[1:], rest, strict=True)
                ):
                    return True
        if len(tokens) == len(plain) and not skipped.intersection(plain):
            break
    return False


#: Tags without which nothing asks for a person.
_ASKING = frozenset("PKSGVB")


@lru_cache(maxsize=1)
def _skipped() -> frozenset[str]:
    """Words that some language leaves out."""
    return frozenset().union(*(each.skipped for each in _lexicons().values()))


@lru_cache(maxsize=32_768)
def _forms(
    token: str, main: tuple[str, ...], others: tuple[str, ...]
) -> tuple[str, ...]:
    """What a word may be read as: itself, without typing errors, in Cyrillic."""
    found = [token, _corrected(token, main, others)]
    if token.isascii():
        cyrillic = _from_latin(token)
        found.append(cyrillic)
        if main == ("mn",):
            found.append(_corrected(cyrillic, main, others))
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=32_768)
def _openers(forms: tuple[str, ...]) -> tuple[Phrase, ...]:
    """Phrases of a request that begin with a word in one of these forms."""
    return tuple(
        phrase
        for form in forms
        for key in (form, form[:2] + "*", "*")
        for phrase in _asking_phrases().get(key, ())
        if _fits(phrase[:1], (form,), 0)
    )


@lru_cache(maxsize=1)
def _asking_phrases() -> dict[str, list[Phrase]]:
    """The phrases of all languages that ask, by how they begin."""
    found: dict[str, list[Phrase]] = {}
    for lexicon in _lexicons().values():
        for key, phrases in lexicon.phrases.items():
            asking = [phrase for phrase, tag, _ in phrases if tag in _ASKING]
            found.setdefault(key, []).extend(asking)
    return found


@lru_cache(maxsize=16_384)
def _from_latin(token: str) -> str:
    """Folded Cyrillic; Mongolian ө is as often typed u as o: "ugnu" is "өгнө"."""
    word = words.fold(words.cyrillise(token))
    if word.startswith("уг"):
        return "ог" + word[2:].replace("ну", "но")
    other = word.replace("у", "о")
    return other if _known(other, "mn") and not _known(word, "mn") else word


def _languages(lang: str, text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The languages a message is read in, and those whose main words count too."""
    if lang == "mn-Latn":
        main: tuple[str, ...] = ("mn",)
    elif lang:
        main = (lang,)
    elif words.is_cyrillic(text):
        main = ("mn", "ru")
    else:
        main = ("en", "es", "de", "tr")
    return main, tuple(other for other in _REQUESTS if other not in main)


def _look_up(
    tokens: Sequence[str],
    at: int,
    langs: Iterable[str],
    tags: frozenset[str] = frozenset(TAGS),
) -> tuple[int, str]:
    """The longest phrase at a place that has one of these tags."""
    if tags is _SHARED and len(tokens[at]) < _SHORTEST_SHARED:
        return 0, ""
    found = (_lexicons()[lang].match(tokens, at) for lang in langs)
    kept = [(taken, tag) for taken, tag in found if taken and tag in tags]
    return max(kept, key=lambda match: match[0], default=(0, ""))


_SHORTEST_SHARED = 3


@lru_cache(maxsize=32_768)
def _corrected(token: str, main: tuple[str, ...], others: tuple[str, ...]) -> str:
    """A word without its typing errors, if it is close to one that matters."""
    if len(token) < _SHORT - 1 or not token.isalpha() or token in _COMMON:
        return token
    if any(_known(token, lang) for lang in (*main, *others)):
        return token
    tried = main if len(token) < _LONG else (*main, *others)
    for lang in tried:
        word = _lexicons()[lang].correct(token)
        if word != token:
            return word
    return token


@lru_cache(maxsize=32_768)
def _known(token: str, lang: str) -> bool:
    lexicon = _lexicons()[lang]
    if token in _stop_words(lang) or token in lexicon.known:
        return True
    return lexicon.match([token], 0)[0] > 0


@lru_cache(maxsize=16)
def _stop_words(lang: str) -> frozenset[str]:
    return frozenset(map(words.fold, words.STOP_WORDS.get(lang, ())))
