"""Small numbers in words, so that "three days" backs "3 days"."""

from __future__ import annotations

from typing import Final

_WORDS: Final = {
    "en": "1 one|2 two|3 three|4 four|5 five|6 six|7 seven|8 eight|9 nine|10 ten"
    "|11 eleven|12 twelve|14 fourteen|15 fifteen|20 twenty|30 thirty|40 forty|50 fifty"
    "|60 sixty|90 ninety|100 hundred|1000 thousand",
    "ru": "1 один|1 одна|1 одно|1 одного|1 одной|2 два|2 две|2 двух|2 двумя|3 три"
    "|3 трёх|3 трех|3 тремя|4 четыре|4 четырёх|4 четырех|5 пять|5 пяти|6 шесть|6 шести"
    "|7 семь|7 семи|8 восемь|8 восьми|9 девять|9 девяти|10 десять|10 десяти"
    "|12 двенадцать|12 двенадцати|14 четырнадцать|14 четырнадцати|15 пятнадцать"
    "|15 пятнадцати|20 двадцать|20 двадцати|30 тридцать|30 тридцати|40 сорок|40 сорока"
    "|50 пятьдесят|50 пятидесяти|60 шестьдесят|60 шестидесяти|90 девяносто"
    "|90 девяноста|100 сто|100 ста|1000 тысяча|1000 тысячи|1000 тысяч",
    "es": "1 uno|1 una|2 dos|3 tres|4 cuatro|5 cinco|6 seis|7 siete|8 ocho|9 nueve"
    "|10 diez|11 once|12 doce|14 catorce|15 quince|20 veinte|24 veinticuatro"
    "|30 treinta|40 cuarenta|50 cincuenta|60 sesenta|90 noventa|100 cien|100 ciento"
    "|1000 mil",
    "mn": "1 нэг|1 нэгэн|2 хоёр|2 хоёрын|3 гурав|3 гурван|3 гурваас|4 дөрөв|4 дөрвөн"
    "|5 тав|5 таван|6 зургаа|6 зургаан|7 долоо|7 долоон|8 найм|8 найман|9 есөн|10 арав"
    "|10 арван|14 арвандөрөв|20 хорь|20 хорин|30 гуч|30 гучин|40 дөч|40 дөчин|50 тавь"
    "|50 тавин|60 жаран|90 ерэн|100 зуу|100 зуун|1000 мянга|1000 мянган",
}
#: Digits by word, by language.
VALUES: Final = {
    lang: {word: digits for digits, word in (each.split() for each in said.split("|"))}
    for lang, said in _WORDS.items()
}
#: The same for all languages at once.
ANY: Final = {
    word: digits for known in VALUES.values() for word, digits in known.items()
}
