import pytest

from knowledge import text

LANGUAGES = {
    "english": ("where can I find the opening hours of your bakery", "en"),
    "russian": ("подскажите, когда откроется ваша пекарня", "ru"),
    "spanish": ("¿a qué hora abre la panadería los lunes?", "es"),
    "german": ("wann öffnet die Bäckerei am Montag", "de"),
    "turkish": ("fırın pazartesi günü kaçta açılıyor", "tr"),
    "mongolian": ("талх нарийн боов хэдээс худалдаалж эхлэх вэ", "mn"),
    "mongolian in latin letters": ("talh heden tsagt beldej duusah ve", "mn-Latn"),
    "nothing": ("", ""),
    "digits": ("12345 67", ""),
    "emoji": ("🙂🙂🙂", ""),
}


@pytest.mark.parametrize(("content", "lang"), LANGUAGES.values(), ids=LANGUAGES.keys())
def test_the_language_of_a_text_is_detected(content, lang):
    assert text.detect_language(content) == lang


def test_words_are_normalised_and_keep_their_order():
    assert text.tokenise("ﬁrst THE İstanbul’s 2nd") == [
        "first",
        "the",
        "istanbul's",
        "2nd",
    ]


STEMS = {
    "english plural": ("deliveries", "delivery", "en"),
    "russian case": ("доставкой", "доставка", "ru"),
    "spanish without accent": ("devolución", "devolucion", "es"),
    "german plural": ("Rechnungen", "Rechnung", "de"),
    "turkish case": ("siparişleri", "sipariş", "tr"),
    "mongolian case": ("тасалбараас", "тасалбар", "mn"),
    "mongolian without its letters": ("хvргэлт", "хүргэлт", "mn"),
    "mongolian in latin letters": ("hurgelt", "хүргэлт", "mn"),
}


@pytest.mark.parametrize(("first", "second", "lang"), STEMS.values(), ids=STEMS.keys())
def test_forms_of_a_word_share_a_stem(first, second, lang):
    assert text.stems(first, lang) == text.stems(second, lang)


def test_stop_words_go_unless_nothing_else_is_there():
    assert text.stems("where is the bakery", "en") == [text.stem("bakery", "en")]
    assert text.stems("where is it", "en") == ["where", "is", "it"]


MARKDOWN = """# Opening hours

We open at 7.30 a.m. on **weekdays**. On Sundays we are closed!

- Bread is baked at 5.
- See [the list](https://example.org/list) of cakes

> Dr. Smith gave us a prize.
---
"""


def test_sentences_lose_their_marks_and_headings():
    assert text.sentences(MARKDOWN) == [
        "We open at 7.30 a.m. on weekdays.",
        "On Sundays we are closed!",
        "Bread is baked at 5.",
        "See the list of cakes",
        "Dr. Smith gave us a prize.",
    ]


def test_letter_groups_cross_words_but_not_the_text():
    assert text.ngrams("ab c", "en", (3,)) == [" ab", "ab ", "b c", " c "]


NONSENSE = {
    "empty": "",
    "nul": "\x00\x00",
    "emoji": "🎉🎉",
    "right to left": "שלום עולם",
    "brackets": "](([[\"'*_`",
    "lone surrogate": "\ud800 x",
    "huge": "word " * 20_000,
}


@pytest.mark.parametrize("content", NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense_is_taken_without_complaint(content):
    for lang in ("", "en", "mn", "mn-Latn"):
        assert isinstance(text.stems(content, lang), list)
        assert isinstance(text.letters(content, lang), str)
    assert isinstance(text.detect_language(content), str)
    assert isinstance(text.sentences(content), list)
