"""Numbers, prices, codes and links that an answer may not invent."""

from __future__ import annotations

import pytest

from ai_model.figures import figures, invented


def missing(answer: str, sources: str, said: str = "", lang: str = "en") -> set[str]:
    return invented(figures(answer, lang), sources=figures(sources), said=figures(said))


@pytest.mark.parametrize(
    ("answer", "sources"),
    [
        ("It takes 3 days.", "Three working days."),
        ("It takes three days.", "3 working days."),
        ("Это займёт 5 дней.", "It takes five days."),
        ("3-5 days", "from 3 to 5 days"),
        ("3 to 5 days", "3–5 days"),
        ("costs 1,500 ₮", "costs 1500₮"),
        ("costs 1500 ₮", "1 500 ₮"),
        ("1.5 kg", "1,5 kg"),
        ("10.00 euros", "10 euros"),
        ("at 9:00", "at 9"),
        ("Call +976 7700-1234.", "tel. 97677001234"),
        ("Call 97677001234.", "Call +976 7700 1234."),
        ("on 21.11.2026", "21/11/2026"),
        ("Write to help@shop.example.", "HELP@shop.example"),
        (
            "See https://shop.example/returns.",
            "[here](https://www.shop.example/returns)",
        ),
        ("See shop.example.", "https://shop.example/returns"),
        ("Model A4 of 2024", "the a4 (2024)"),
        ("One moment, both of the two.", "No number."),
        ("No figure at all, e.g. none.", ""),
        ("20% off", "20 % off"),
    ],
)
def test_what_stands_in_the_sources_in_any_spelling_is_backed(
    answer: str, sources: str
) -> None:
    assert missing(answer, sources) == set()


@pytest.mark.parametrize(
    ("answer", "sources"),
    [
        ("It takes 4 days.", "Three working days."),
        ("It takes four days.", "3 days."),
        ("costs 1,500 ₮", "costs 1 and 500"),
        ("1.5 kg", "1 and 5 kg, 15 kg"),
        ("15 kg", "1.5 kg"),
        ("code AB12C", "code ab12d"),
        ("Z Q 5 D X 9", "5 and 9"),
        ("See evil.example.", "see shop.example"),
        ("See shop.example.evil.test", "see shop.example"),
        ("See notshop.example", "shop.example"),
        ("See shop.example/pay", "shop.example"),
        ("See //evil.example/x", "none"),
        ("[here](javascript:alert(1))", "none"),
        ("Write to me@evil.example", "help@shop.example"),
        ("Write to @evilbot", "none"),
        ("Пишите на пример.рф", "нет"),
        ("20% off", ""),
        ("Hello {{ contact.name }}", "Hello"),
        ("Hello <b>you</b>", "Hello"),
    ],
)
def test_what_nobody_wrote_is_missing(answer: str, sources: str) -> None:
    assert missing(answer, sources) != set()


def test_a_contact_backs_plain_numbers_and_nothing_else() -> None:
    said = "order 4711, 90% off, code AB12, see evil.example"

    assert missing("Order 4711", "", said) == set()
    assert missing("90% off", "", said) == {"90"}
    assert missing("It is $ 90", "", said) == {"90"}
    assert missing("90 рублей", "", said, "ru") == {"90"}
    assert missing("Code AB12", "", said) == {"ab12"}
    assert missing("evil.example", "", said) == {"evil.example"}


@pytest.mark.parametrize(
    ("text", "lang"), [("Ten en cuenta", "es"), ("once a day", "en"), ("жар", "ru")]
)
def test_words_of_another_language_are_no_numbers(text: str, lang: str) -> None:
    assert missing(text, "", lang=lang) == set()
