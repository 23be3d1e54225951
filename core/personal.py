"""Taking out of a text what points at one person, as far as its form tells.

E-mail addresses, telephone, card and order numbers, and names that the caller knows.
What was taken out becomes `…`, which means nothing to the search.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK = "…"

_MASKS = re.compile(rf"{MASK}(?:\s*{MASK})+")
_EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
#: "#1042", "№ 1042", "order no. 1042", "захиалга 1042".
_NUMBERED = re.compile(
    r"(?:[#№]\s?|\b(?:order|invoice|ticket|booking|reservation|tracking|parcel|account"
    r"|contract|card|customer|member|policy|case"
    r"|захиалг\w*|дансн?\w*|утас\w*|заказ\w*|счет\w*|счёт\w*|номер\w*"
    r"|pedido|factura|reserva|cuenta|bestellung|rechnung)"
    r"(?:\s*(?:no\.?|nr\.?|number|id|code|numbers?|дугаар\w*|número|nummer|is|was|:|[#№]))*"
    r"\s*[#№:]?\s*)(?P<number>(?=[\w-]*\d)[\w-]*\d{3}[\w-]*)",
    re.IGNORECASE,
)
#: Letters and at least four digits in one word, as in "AB12-3456".
_CODE = re.compile(r"\b(?=[\w-]*[^\W\d_])(?=(?:[\w-]*?\d){4})[\w-]{5,}\b")
#: At least five digits, in groups or not.
_DIGITS = re.compile(r"(?<![\w.,])\+?\(?\d(?:[\s().-]{0,2}\d){4,}(?![\w])")

_MONEY = re.compile(
    r"[$€£¥₮₽]|\b(?:usd|eur|gbp|mnt|rub|төг\w*|tögrög|tugrug|руб\w*|dollars?|euros?)\b",
    re.IGNORECASE,
)
_GROUPED = re.compile(r"\d{1,3}(?:[ .,]\d{3})+")
_DATE = re.compile(
    r"\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{2,4}|\d{4}\s?[-–]\s?\d{4}"
)
#: Characters beside a number in which a currency may stand.
_BESIDE = 8


def mask(text: str, names: Iterable[str] = ()) -> str:
    """The text without personal data; `names` are what the person is known by."""
    text = _EMAIL.sub(MASK, text)
    text = _NUMBERED.sub(_without_number, text)
    text = _CODE.sub(MASK, text)
    text = _DIGITS.sub(_unless_public, text)
    for name in names:
        # The whole name first; initials would take ordinary words.
        for part in (name, *name.split()):
            if len(part) > 2:
                text = re.sub(rf"\b{re.escape(part)}\b", MASK, text, flags=re.I)
    return _MASKS.sub(MASK, text)


def _without_number(found: re.Match[str]) -> str:
    return found[0][: found.start("number") - found.start()] + MASK


def _unless_public(found: re.Match[str]) -> str:
    """Prices, dates and spans of years belong to everybody."""
    digits = found[0].strip()
    line = found.string
    before = line[max(0, found.start() - _BESIDE) : found.start()]
    after = line[found.end() : found.end() + _BESIDE]
    is_price = _MONEY.search(before) or _MONEY.search(after)
    is_public = _DATE.fullmatch(digits) or _GROUPED.fullmatch(digits)
    return found[0] if is_price or is_public else MASK
