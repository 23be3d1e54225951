"""Text as search sees it: words, stems, languages, sentences, letter groups."""

import json
import re
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import snowballstemmer

_DATA = json.loads(Path(__file__).with_name("languages.json").read_text("utf-8"))
_STEMMERS: dict[str, str] = _DATA["stems"]
_MARKS: dict[str, frozenset[str]] = {
    lang: frozenset(letters) for lang, letters in _DATA["marks"].items()
}
_FRAGMENTS: dict[str, tuple[str, ...]] = {
    lang: tuple(part.replace("_", " ") for part in parts.split())
    for lang, parts in _DATA["fragments"].items()
}

#: Longest text that is looked at; what follows is ignored.
MAX_LENGTH = 100_000

_WORD = re.compile(r"[^\W_]+(?:['’ʼ][^\W_]+)*")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_LATIN = re.compile(r"[a-zß-ÿğışœ]")


# -- words ---------------------------------------------------------------------


def normalise(text: str) -> str:
    """Compatibility form (NFKC), case folded, Turkish i without its extra dot."""
    text = unicodedata.normalize("NFKC", text[:MAX_LENGTH])
    return text.replace("İ", "i").casefold()


def tokenise(text: str) -> list[str]:
    """The words and numbers of a text, normalised, in order."""
    return [word.replace("’", "'") for word in _WORD.findall(normalise(text))]


@lru_cache(maxsize=65_536)
def fold(word: str) -> str:
    """A word without the marks that people leave out when they type.

    Latin accents go, Mongolian ө, ү, э and v become о, у, е, and й becomes и,
    so that "хvргэлт", "хургэлт" and "хүргэлт" meet.
    """
    if word.isascii():
        return word
    if _CYRILLIC.search(word):
        word = word.replace("v", "у")
    plain = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", word)
        if not unicodedata.combining(letter)
    )
    return plain.translate(_FOLD)


_FOLD = str.maketrans(
    {"ө": "о", "ү": "у", "э": "е", "ё": "е", "ы": "и", "ъ": "", "ь": "и", "ı": "i"}
    | {"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l"}
)


# -- languages -----------------------------------------------------------------


def detect_language(text: str) -> str:
    """One of en, mn, mn-Latn, ru, es, de, tr; empty when there is no telling."""
    return _detect(normalise(text[:1000]))


def is_cyrillic(text: str) -> bool:
    """Whether most letters are Cyrillic."""
    text = normalise(text[:1000])
    return len(_CYRILLIC.findall(text)) > len(_LATIN.findall(text))


@lru_cache(maxsize=4096)
def _detect(text: str) -> str:
    cyrillic, latin = len(_CYRILLIC.findall(text)), len(_LATIN.findall(text))
    if not cyrillic and not latin:
        return ""
    candidates = ("ru", "mn") if cyrillic > latin else _LATIN_LANGUAGES
    scores = _language_scores(text, candidates)
    ranked = sorted(candidates, key=lambda lang: -scores[lang])
    first, second = scores[ranked[0]], scores[ranked[1]]
    return ranked[0] if first >= 1.0 and first - second >= 0.5 else ""


#: Languages that are written in Cyrillic letters.
CYRILLIC_LANGUAGES = frozenset({"ru", "mn"})
_LATIN_LANGUAGES = ("en", "es", "de", "tr", "mn-Latn")


def _language_scores(text: str, candidates: tuple[str, ...]) -> dict[str, float]:
    """Function words count most, then letters only one language has, then endings."""
    words = [word.replace("’", "'") for word in _WORD.findall(text)]
    padded = f" {' '.join(words)} "
    letters = set(text)
    scores = {}
    for lang in candidates:
        known = FUNCTION_WORDS[lang]
        scores[lang] = 2.0 * sum(word in known for word in words)
        scores[lang] += 3.0 * len(letters & _MARKS.get(lang, frozenset()))
        scores[lang] += 0.5 * sum(padded.count(part) for part in _FRAGMENTS[lang])
    return scores


# -- stems ---------------------------------------------------------------------


class _Stemmers(threading.local):
    """Snowball stemmers keep state while they work, so each thread has its own."""

    def __init__(self) -> None:
        self.by_language = {
            lang: snowballstemmer.stemmer(name) for lang, name in _STEMMERS.items()
        }


_stemmers = _Stemmers()


@lru_cache(maxsize=131_072)
def stem(word: str, lang: str) -> str:
    """The folded stem of one normalised word; unknown languages are only folded."""
    if word.isdigit():
        return word
    if lang in {"mn", "mn-Latn"}:
        return _stem_mongolian(fold(cyrillise(word) if word.isascii() else word))
    if lang in _STEMMERS:
        word = word.removesuffix("'s") if lang == "en" else word
        stemmed: str = _stemmers.by_language[lang].stemWord(word)
        return fold(stemmed)
    return fold(word)


def stems(text: str, lang: str, *, keep_stop_words: bool = False) -> list[str]:
    """Stems of a text in order, without stop words unless nothing else is there."""
    return stems_of(tokenise(text), lang, keep_stop_words=keep_stop_words)


def stems_of(
    words: Sequence[str], lang: str, *, keep_stop_words: bool = False
) -> list[str]:
    """The same, of the words of a text."""
    stop = frozenset() if keep_stop_words else STOP_WORDS.get(lang, frozenset())
    kept = [word for word in words if word not in stop]
    return [stem(word, lang) for word in kept or words]


def _stem_mongolian(word: str) -> str:
    """Strips case, possession and verb endings, at most three, from a folded word."""
    for _ in range(3):
        for suffix in _MONGOLIAN_SUFFIXES:
            if word.endswith(suffix) and len(word) - len(suffix) >= 3:
                word = word[: -len(suffix)]
                break
        else:
            break
    return word


_MONGOLIAN_SUFFIXES = sorted(
    {fold(suffix) for suffix in _DATA["mongolian_suffixes"].split()},
    key=lambda suffix: (-len(suffix), suffix),
)

_LATIN_TO_CYRILLIC = (
    [("shch", "щ"), ("kh", "х"), ("ts", "ц"), ("ch", "ч"), ("sh", "ш"), ("zh", "ж")]
    + [("ya", "я"), ("yu", "ю"), ("yo", "ё"), ("ye", "е")]
    + list(zip("abvgdejziklmnoprstufhcqwxy", "абвгдежзиклмнопрстуфхцквхй", strict=True))
)
_LATIN_PARTS = dict(_LATIN_TO_CYRILLIC)
_LATIN_PART = re.compile("|".join(source for source, _ in _LATIN_TO_CYRILLIC))


def cyrillise(text: str) -> str:
    """Mongolian written in Latin letters, in Cyrillic, as far as search needs it.

    The front vowels cannot be told from the back ones: ө and ү come out as о and у,
    э as е, which is how :func:`fold` writes them too.
    """
    return _LATIN_PART.sub(lambda found: _LATIN_PARTS[found[0]], text)


FUNCTION_WORDS: dict[str, frozenset[str]] = {
    lang: frozenset(words.split())
    for lang, words in (_DATA["stop_words"] | _DATA["function_words"]).items()
}
STOP_WORDS: dict[str, frozenset[str]] = dict(FUNCTION_WORDS)


_QUANTITY = re.compile(
    r"\b(?:" + "|".join("|".join(_DATA["quantity"].values()).split("|")) + r")\b"
)


def asks_quantity(question: str) -> bool:
    """Whether a question asks for a number or a date: how many, when, сколько."""
    return _QUANTITY.search(normalise(question)) is not None


# -- letter groups -------------------------------------------------------------


def letters(text: str, lang: str) -> str:
    """The folded words of a text between single spaces, for letter groups."""
    return letters_of(tokenise(text), lang)


def letters_of(words: Sequence[str], lang: str) -> str:
    """The same, of the words of a text."""
    if lang == "mn-Latn":
        words = [cyrillise(word) for word in words]
    return f" {' '.join(fold(word) for word in words)} "


def ngrams(text: str, lang: str = "", sizes: tuple[int, ...] = (3, 4, 5)) -> list[str]:
    """All groups of 3 to 5 letters, spaces between words included."""
    line = letters(text, lang)
    return [
        line[start : start + size]
        for size in sizes
        for start in range(len(line) - size + 1)
    ]


# -- sentences -----------------------------------------------------------------

_HEADING = re.compile(r"^\s{0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
_BULLET = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)])\s+")
_RULE = re.compile(r"^\s*(?:[-*_=]\s*){3,}$")
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_LINK = re.compile(r"!?\[([^\]\n]*)\]\(([^)\s]*)[^)\n]*\)")
_EMPHASIS = re.compile(r"(\*\*|__|\*|`|~~)(?=\S)(.+?)(?<=\S)\1")
_END = re.compile(r"(?<=[.!?…。!?])[\"'”’»)\]]*\s+(?=[\"'“„«(\[¿¡]*[\w])")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:[A-ZА-ЯӨҮ]|e\.g|i\.e|etc|vs|approx|no|nr|mr|mrs|ms|dr|prof|st|jr|"
    r"sr|inc|ltd|co|corp|fig|vol|ca|z\.b|d\.h|u\.a|bzw|ggf|inkl|evtl|usw|т\.е|т\.д|"
    r"т\.п|г|гг|вв|в|им|ул|руб|тыс|млн|млрд|др|см|стр|sra?|dra?|ud|uds|pág|núm|ej|"
    r"ee\.uu|vb|örn|bkz|sn|tel)\.$",
    re.IGNORECASE,
)


def plain(text: str) -> str:
    """One line of Markdown without its marks; a link keeps its words."""
    text = _LINK.sub(lambda found: found[1] or found[2], text)
    for _ in range(2):
        text = _EMPHASIS.sub(r"\2", text)
    return text.replace("\\", "").strip()


def sentences(body: str) -> list[str]:
    """The sentences of a Markdown body without marks; headings are left out.

    A list item is a sentence of its own, a paragraph is split at its full stops.
    """
    found: list[str] = []
    for block in _blocks(body[:MAX_LENGTH]):
        found.extend(_split(plain(block)))
    return found


def _blocks(body: str) -> Iterator[str]:
    """Paragraphs and list items, each on one line."""
    lines: list[str] = []
    for line in body.replace("\x00", " ").splitlines():
        ends = not line.strip() or _RULE.match(line) or _FENCE.match(line)
        bullet = _BULLET.match(line)
        if (ends or bullet or _HEADING.match(line)) and lines:
            yield " ".join(lines)
            lines = []
        if not ends and not _HEADING.match(line):
            text = line[bullet.end() :] if bullet else line
            lines.append(text.lstrip("> \t").rstrip())
    if lines:
        yield " ".join(lines)


def _split(paragraph: str) -> Iterator[str]:
    start = 0
    for end in _END.finditer(paragraph):
        part = paragraph[start : end.end()].strip()
        goes_on = part.endswith(".") and paragraph[end.end() : end.end() + 1].islower()
        if goes_on or _ABBREVIATION.search(part) or part.rstrip(".").isdigit():
            continue
        if part:
            yield part
        start = end.end()
    rest = paragraph[start:].strip()
    if rest:
        yield rest
