"""What an answer must not invent: numbers, codes, prices, links and addresses."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from ai_model.number_words import ANY, VALUES

_LINK = re.compile(
    r"(?:https?|ftp)://[^\s<>\"'»”)\]]+"
    # Any other scheme that a click would follow.
    r"|\b(?:javascript|data|vbscript|file|tel|mailto|tg|whatsapp|intent):[^\s<>\"']+"
    r"|(?<![\w@.])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|(?<![\w@.-])(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W\d_]{2,24}(?![\w-])(?:[/?#:][^\s<>\"'»”)\]]*)?"
    r"|(?<![\w/.])//[^\s<>\"'»”)\]]+|(?<![\w@])@\w{2,}",
    re.IGNORECASE,
)
_EDGES: Final = ".,;:!?…*_~`"
#: Currency signs and words, and percents: what makes of a number a promise.
_UNIT = (
    r"(?:%|\$|€|£|₮|₽|¥|usd|eur|mnt|rub|percent|per cent|процент\w*|хув\w*|por ciento"
    r"|dollars?|euros?|руб\w*|доллар\w*|евро|төг\w*|долл?ар\w*|d[oó]lares)"
)
_GROUP = re.compile(
    rf"(?P<before>[$€£₮₽¥]\s?)?(?P<number>\d+(?:[ \u00a0\u202f.,'’:/-]\d+)*)"
    rf"(?P<tail>[^\W\d_]*)(?=(?P<after>\s?{_UNIT})?)",
    re.IGNORECASE,
)
_CODE = re.compile(r"[^\W_]*(?:[^\W\d_]\d|\d[^\W\d_]+\d)[^\W_]*")
#: What a page or a provider's template would take for more than text.
_MARKUP = re.compile(r"\{\{|\{%|\}\}|%\}|<%|\$\{|<[/!]?[a-z]", re.IGNORECASE)
_THOUSANDS = re.compile(r"\d{1,3}(?:[ \u00a0\u202f.,'’]\d{3})+")
_DECIMAL = re.compile(r"\d+[.,]\d+")
_WORD = re.compile(r"[^\W\d_]+")
_DIGIT = re.compile(r"\d")
#: Single letters and digits in a row, by which something is spelled out.
_SPELLED = re.compile(r"(?<![^\W_])(?:[^\W_][ .\-_*|/]){5,}[^\W_](?![^\W_])")


@dataclass(frozen=True, slots=True)
class Number:
    """One written number, span, time or date."""

    #: Its digits in one piece, as of a telephone number.
    digits: str
    #: The numbers it is made of; one, where its marks only part thousands.
    values: frozenset[str]
    #: Whether it has a currency or a percent sign.
    is_price: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a text."""

    numbers: frozenset[Number]
    #: Values of numbers in words.
    worded: frozenset[str]
    #: Words of letters and digits, such as order numbers, and marks of templates.
    codes: frozenset[str]
    links: frozenset[str]

    @property
    def values(self) -> frozenset[str]:
        """All values and digits that stand here."""
        found = {value for each in self.numbers for value in each.values}
        return self.worded | found | {each.digits for each in self.numbers}


def figures(text: str, lang: str = "") -> Figures:
    """All figures of a text; numbers in words of this language, or of any."""
    text = unicodedata.normalize("NFKC", text).casefold()
    links, text = _taken_out(_LINK, text)
    spelled = {found[0] for found in _SPELLED.finditer(text)}
    marks = {found[0] for found in _MARKUP.finditer(text)}
    mixed: list[str] = []
    numbers: frozenset[Number] = frozenset()
    if _DIGIT.search(text):
        mixed, text = _taken_out(_CODE, text)
        numbers = frozenset(_number(found) for found in _GROUP.finditer(text))
    named = VALUES.get(lang.partition("-")[0], {}) if lang else ANY
    worded = frozenset(named[word] for word in _WORD.findall(text) if word in named)
    codes = frozenset([*mixed, *spelled, *marks])
    return Figures(numbers, worded, codes, frozenset(map(_link, links)))


def _taken_out(pattern: re.Pattern[str], text: str) -> tuple[list[str], str]:
    """All that a pattern finds in a text, and the text without it."""
    found = []

    def take(match: re.Match[str]) -> str:
        found.append(match[0])
        return " "

    return found, pattern.sub(take, text)


#: The figures of a text without any.
NONE: Final = Figures(frozenset(), frozenset(), frozenset(), frozenset())


def invented(made: Figures, *, sources: Figures, said: Figures = NONE) -> set[str]:
    """The figures that were made without anything to back them.

    `sources` may back all; what the contact `said` only a plain number: prices, links
    and codes are not true because somebody wrote them to us.
    """
    backed = sources.values
    missing = {
        each.digits
        for each in made.numbers
        if each.digits not in backed
        and not each.values <= backed
        and (each.is_price or not each.values <= said.values)
    }
    missing |= made.worded - backed - said.values - _HARMLESS
    missing |= made.codes - sources.codes
    return missing | {
        each for each in made.links if not _is_backed(each, sources.links)
    }


#: "One moment", "both of the two": no claim.
_HARMLESS: Final = frozenset({"1", "2"})


def _link(found: str) -> str:
    plain = re.sub(r"^(?:https?://|ftp://|//)?(?:www\.)?", "", found)
    return plain.rstrip(_EDGES).rstrip("/")


def _is_backed(link: str, known: frozenset[str]) -> bool:
    """Known as it is, or the beginning of a known one: a page's site."""
    return any(
        each == link or each.startswith((f"{link}/", f"{link}?")) for each in known
    )


def _number(found: re.Match[str]) -> Number:
    number = found["number"]
    is_price = bool(found["before"] or found["after"])
    digits = re.sub(r"\D", "", number).lstrip("0") or "0"
    if _THOUSANDS.fullmatch(number):
        values = {digits}
    elif _DECIMAL.fullmatch(number):
        values = {number.replace(",", ".").rstrip("0").rstrip(".")}
    else:
        # "9:00" says no more than "9".
        parts = {part.lstrip("0") for part in re.split(r"\D+", number)}
        values = parts - {""} or {"0"}
    # The digits of 1.5 are no 15.
    is_decimal = _DECIMAL.fullmatch(number) and not _THOUSANDS.fullmatch(number)
    return Number(number if is_decimal else digits, frozenset(values), is_price)
