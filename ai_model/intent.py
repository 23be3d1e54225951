"""What a contact means beyond a question: asks for a person, or makes small talk.

A message is cut into clauses, each word gets one letter for what it does in a request
for a person (``TAGS``), and a few patterns over these letters decide. The words of
each language stand in ``intent.json``; this file knows no language.
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

_DATA: dict[str, dict[str, str]] = json.loads(
    Path(__file__).with_name("intent.json").read_text("utf-8")
)
_COMMON = frozenset(map(words.fold, _DATA.pop("common")["words"].split()))
_ALONE = frozenset(_DATA.pop("alone")["words"].split("|"))
_YES = frozenset(_DATA.pop("yes")["words"].split("|"))
_SMALL_TALK = _DATA.pop("small_talk")
#: Longest message that is looked at, in characters.
_LONGEST = 2_000
#: Tags whose words are also recognised in a message of another language.
_SHARED = frozenset("PSKBWGVCA")
#: Tags whose words are recognised with typing errors.
_MISTYPED = frozenset("PSKBWGVCAHR")


# -- words to tags -------------------------------------------------------------

Phrase = tuple[str, ...]


@dataclass(slots=True)
class _Lexicon:
    """The words and phrases of one language, each with its tag."""

    #: By first word, or by its first two letters when only its beginning is given.
    phrases: dict[str, list[tuple[Phrase, str]]] = field(default_factory=dict)
    #: Words that are recognised with typing errors, by length.
    spelled: dict[int, dict[str, None]] = field(default_factory=dict)
    #: Every word that is part of a phrase.
    known: set[str] = field(default_factory=set)
    #: Words that are left out before phrases are looked for.
    skipped: set[str] = field(default_factory=set)

    def add(self, phrase: Phrase, tag: str) -> None:
        first = phrase[0]
        key = first if "*" not in first else "*" if first[0] == "*" else first[:2] + "*"
        self.phrases.setdefault(key, []).append((phrase, tag))
        self.known.update(phrase)
        if tag in _MISTYPED:
            for word in phrase:
                plain = word.strip("*")
                self.spelled.setdefault(len(plain), {})[plain] = None

    def match(self, tokens: Sequence[str], at: int) -> tuple[int, str]:
        """How many tokens the longest phrase here takes, and its tag; 0 for none."""
        token = tokens[at]
        found: tuple[int, bool, str] = (0, False, "")
        for key in (token, token[:2] + "*", "*"):
            for phrase, tag in self.phrases.get(key, ()):
                exact = "*" not in "".join(phrase)
                if (len(phrase), exact) > found[:2] and _fits(phrase, tokens, at):
                    found = (len(phrase), exact, tag)
        return found[0], found[2]

    def correct(self, token: str) -> str:
        """The word of this language that a mistyped one was meant to be.

        Longer words are tried first: most typing errors lose a letter.
        """
        allowed = 2 if len(token) >= _LONG else 1
        sound = token.translate(_SOUND)
        for length in range(len(token) + allowed, len(token) - allowed - 1, -1):
            for word in self.spelled.get(length, ()):
                if len(token) < _SHORT and not _close(token, word):
                    continue
                if typing_errors(sound, word.translate(_SOUND), allowed) <= allowed:
                    return word
        return token


#: Russian vowels that sound alike when unstressed.
_SOUND = str.maketrans("ое", "аи")
#: From this length on two typing errors are forgiven; below the other, few.
_LONG, _SHORT = 9, 5


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
    for lang, classes in _DATA.items():
        built[lang] = lexicon = _Lexicon()
        lexicon.skipped.update(_words(classes.get("-", "")))
        for tag in TAGS:
            for phrase in classes.get(tag, "").split():
                lexicon.add(tuple(_words(phrase.replace("_", " "), "*")), tag)
    return built


def _words(text: str, also: str = "") -> list[str]:
    """Folded words; hyphens part words, apostrophes vanish, ``!!!`` and ``uuu`` shrink."""
    plain = words.normalise(text).replace("'", "").replace("’", "")
    plain = re.sub(r"([^\W\d_])\1{2,}", r"\1", plain)
    return [words.fold(token) for token in re.findall(rf"[\w{also}]+", plain)]


def _tags(text: str, lang: str) -> Iterator[str]:
    """One tag for each word or phrase of a clause; ``w`` for words of no class."""
    main, others = _languages(lang, text)
    skipped = set().union(*(_lexicons()[name].skipped for name in main))
    latin = [token for token in _words(text) if token not in skipped]
    cyrillic = [words.fold(words.cyrillise(token)) for token in latin]
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
    return main, tuple(other for other in _DATA if other not in main)


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


@lru_cache(maxsize=4096)
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


@lru_cache(maxsize=4096)
def _known(token: str, lang: str) -> bool:
    lexicon = _lexicons()[lang]
    stop = {words.fold(word) for word in words.STOP_WORDS.get(lang, ())}
    return token in stop or token in lexicon.known or lexicon.match([token], 0)[0] > 0


# -- tags to a decision --------------------------------------------------------

_QUOTED = re.compile(
    r"\"[^\"]{2,}\"|“[^”]{2,}”|„[^“”]{2,}[“”]|«[^»]{2,}»|‘[^’]{2,}’"
    r"|(?<!\w)'(?=\w)[^']{2,}'(?!\w)"
)
_CLAUSE_END = re.compile(r"[.,;!?:…\n()]+|\s[-–—]\s|[^\w\s'’\"*/+-]+")

#: What is taken out before the patterns are tried, in this order.
_CANCELLED = (
    ("not a bot", r"N[WMCHRAG]{0,3}B|n[MW]?CA?B|B[CWMA]{0,2}n|B[CWA]{1,2}N", "Z"),
    ("fed up with bots", r"D[wM]?[CH]+[wA]{0,2}B|B[CH]+[wM]?D|BD", "Z"),
    ("number of persons", r"#A?[PS]", "w"),
    ("somebody's profession", r"E[wAO]{0,3}[PKS]+", "w"),
    ("somebody else's person", r"[YO]+[wO]?A?P+|O+[wK]?V", "w"),
    ("not wanted, said after", r"[KPS]+[wCGMHW]{0,2}n|[CGV]+n", "w"),
    ("not wanted, said before", r"[Nn][wM]?[WCGHVMRAZ]*[KPS]+C?|[Nn][wM]?[CGVW]+", "w"),
)
#: What asks for a person, in a clause without a word in the past.
_REQUESTS = {
    "nothing but a person": r"^[ALMWR]*[PK][APKSLMWCGVHRE]*$",
    "talk to a person": r"C[wAMSWH]{0,3}[PKS]|[PKS][wAMPSLi]{0,3}C",
    "want a person": r"W[AM]{0,2}[PK](?!w)|W[AM]*S(?!w)|[PKS]A?[ML]?W(?!w)|R[w#]{0,2}A?[PKS]",
    "somebody should help": r"[PK][MS]*H|HM?[PKS]$|M[AM]*[PK][wAM]{0,2}H|[SA][MSL]{0,2}H.?$",
    "is anybody there": r"^[MAL]*S[AMLS]*$|M[AM]*[PK][LA]+$|^[PK][AL]+$|SA|AS",
    "order to be put through": r"G[AMLW]*[PKS]|[PKS][MAw]?G|^[MWAL]*G[AMLHW]*$",
    "call me": r"V",
    "no bot": r"Z",
}
_ASKS = re.compile("|".join(f"(?:{pattern})" for pattern in _REQUESTS.values()))


def wants_person(
    text: str, *, phrases: Sequence[str] = (), offered: bool = False
) -> bool:
    """Whether the contact asks for a person.

    ``phrases`` are the account's own words for it. ``offered`` says that the assistant
    has just offered a person, so that a bare "yes" counts.
    """
    text = text[:_LONGEST].replace("\x00", " ")
    if offered and _is_yes(text):
        return True
    unquoted = _QUOTED.sub(" quoted ", text)
    if not unquoted.replace("quoted", "").strip(" .,!?\n"):
        unquoted = text
    if " ".join(_words(unquoted)) in _FOLDED_ALONE:
        return True
    lang = words.detect_language(unquoted)
    return any(_asks(clause, lang) for clause in _CLAUSE_END.split(unquoted)) or any(
        _has_phrase(unquoted, phrase) for phrase in phrases
    )


def _asks(clause: str, lang: str) -> bool:
    tags = list(_tags(clause, lang))
    parts = "".join(tag for tag in tags if tag != "F").replace("conj", " ").split()
    return any(_part_asks(part) for part in parts)


def _part_asks(tags: str) -> bool:
    if "q" in tags:
        return False
    for _, pattern, left in _CANCELLED:
        tags = re.sub(pattern, left, tags)
    if "T" in tags and "G" not in tags:
        return False
    return _ASKS.search(tags) is not None


def _is_yes(text: str) -> bool:
    """Whether the message is nothing but a yes, in any of the languages."""
    plain = " ".join(_words(text))
    return plain in _FOLDED_YES or text.strip(" .!?,") in _YES


_FOLDED_ALONE = frozenset(" ".join(_words(phrase)) for phrase in _ALONE)
_FOLDED_YES = frozenset(" ".join(_words(phrase)) for phrase in _YES) - {""}


def _has_phrase(text: str, phrase: str) -> bool:
    """Whether an account's phrase occurs as whole words, neither denied nor past."""
    wanted = _words(phrase)
    if not wanted:
        return False
    lang = words.detect_language(text)
    for clause in _CLAUSE_END.split(text):
        found = _words(clause)
        for at in range(len(found) - len(wanted) + 1):
            if all(map(_same_word, found[at:], wanted)):
                tags = set(_tags(clause, lang))
                return not tags & set("NnTEYiq")
    return False


def _same_word(found: str, wanted: str) -> bool:
    """Equal, or Mongolian with a case ending: "хүнтэй" is "хүн", "хүнсний" is not."""
    if found == wanted:
        return True
    ending = found.removeprefix(wanted)
    return ending != found and ending in _CASE_ENDINGS and words.is_cyrillic(wanted)


_CASE_ENDINGS = frozenset(
    map(
        words.fold,
        "тай тэй той аас ээс оос өөс аар ээр оор өөр д т ыг ийг г ын ийн ний "
        "ны н аа ээ оо өө тайгаа тэйгээ тойгоо уу үү руу рүү луу лүү ч".split(),
    )
)


# -- small talk ----------------------------------------------------------------


def small_talk(text: str) -> str | None:
    """``greeting``, ``thanks``, ``goodbye`` or ``are_you_a_bot``; None for the rest.

    A message counts only when it holds nothing else: "hello, where is my order" is
    a question.
    """
    tokens = _words(text[:_LONGEST])
    if not tokens or len(tokens) > _LONGEST_TALK:
        return None
    found: dict[str, int] = {}
    at = 0
    while at < len(tokens):
        taken, kind = _talk_at(tokens, at)
        if not taken:
            return None
        found[kind] = found.get(kind, 0) + taken
        at += taken
    for kind in ("are_you_a_bot", "goodbye", "thanks", "greeting"):
        if kind in found:
            return kind
    return None


_LONGEST_TALK = 14


def _talk_at(tokens: Sequence[str], at: int) -> tuple[int, str]:
    for size in range(min(6, len(tokens) - at), 0, -1):
        kind = _TALK.get(" ".join(tokens[at : at + size]))
        if kind:
            return size, kind
    return 0, ""


_TALK = {
    " ".join(_words(phrase)): kind
    for kind, phrases in _SMALL_TALK.items()
    for phrase in phrases.split("|")
}
