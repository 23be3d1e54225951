"""What is searched for: alone, with the question before, one by one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ai_model import followups
from ai_model.finding import Asked, Finder, Finding, questions
from knowledge.index import Document, Index
from knowledge.text import detect_language

if TYPE_CHECKING:
    from knowledge.postings import Floats

#: Entries of an invented shop, by language: key, title, body.
SHOP = {
    "en": [
        ("delivery", "Delivery of parcels", "A parcel takes three to five days inside the country. Delivery to Germany takes eight days and costs 12 euros. Express costs 9 euros more."),
        ("returns", "Returning an item", "Send an item back within 30 days for a refund. The refund takes five days to reach your card. Return shipping costs 4 euros."),
        ("repair", "Repairing a tent", "Our workshop mends zips and poles. A repair takes about two weeks and costs from 20 euros."),
        ("cards", "Gift cards", "Gift cards are valid for two years and can be used online. They cannot be paid out."),
        ("account", "Changing your password", "Open your profile, choose security and set a new password. A link comes by e-mail."),
        ("pay", "Ways to pay", "You can pay by card, by bank transfer or in cash at the shop."),
    ],
    "ru": [
        ("delivery", "Доставка посылок", "Посылка идёт по стране от трёх до пяти дней. Доставка в Германию занимает восемь дней и стоит 12 евро."),
        ("returns", "Возврат товара", "Товар можно вернуть в течение 30 дней. Возврат денег занимает пять дней. Обратная пересылка стоит 4 евро."),
        ("repair", "Ремонт палаток", "Мастерская чинит молнии и дуги. Ремонт занимает около двух недель и стоит от 20 евро."),
        ("cards", "Подарочные карты", "Подарочные карты действуют два года, ими можно платить в интернете."),
        ("account", "Смена пароля", "Откройте профиль, выберите безопасность и задайте новый пароль."),
    ],
    "es": [
        ("delivery", "Envío de paquetes", "Un paquete tarda de tres a cinco días dentro del país. El envío a Alemania tarda ocho días y cuesta 12 euros."),
        ("returns", "Devolver un artículo", "Puede devolver un artículo en 30 días. El reembolso tarda cinco días. La devolución cuesta 4 euros."),
        ("repair", "Reparación de tiendas de campaña", "Nuestro taller repara cremalleras y varillas. La reparación tarda unas dos semanas y cuesta desde 20 euros."),
        ("cards", "Tarjetas de regalo", "Las tarjetas de regalo valen dos años y se usan en línea."),
        ("account", "Cambiar la contraseña", "Abra su perfil, elija seguridad y ponga una contraseña nueva."),
    ],
    "mn": [
        ("delivery", "Хүргэлтийн нөхцөл", "Илгээмж улсын дотор гурваас тав хоногт хүрнэ. Герман руу хүргэлт найман хоног, 12 евро болно."),
        ("returns", "Бараа буцаах", "Барааг 30 хоногийн дотор буцааж болно. Мөнгө буцаалт тав хоног болно. Буцаалтын зардал 4 евро."),
        ("repair", "Майхан засвар", "Манай засварын газар цахилгаан товч, шон засна. Засвар хоёр долоо хоног үргэлжилнэ, 20 евроноос эхэлнэ."),
        ("cards", "Бэлгийн карт", "Бэлгийн карт хоёр жил хүчинтэй, онлайнаар хэрэглэнэ."),
        ("account", "Нууц үг солих", "Профайл руу орж, аюулгүй байдал хэсгээс шинэ нууц үг тохируулна."),
    ],
}  # fmt: skip


def index_of(lang: str, vectors: dict[str, Floats] | None = None) -> Index:
    return Index(
        [
            Document(
                key=key,
                entry=entry,
                title=title,
                body=body,
                lang=lang,
                entry_type="faq",
                revision=1,
                visibility="customer",
            )  # fmt: skip
            for key, (entry, title, body) in enumerate(SHOP[lang])
        ],
        vectors,
    )


INDEXES = {lang: index_of(lang) for lang in SHOP}


def find(
    lang: str, *texts: str, before: tuple[str, ...] = (), rewritten: str | None = None
) -> tuple[Finding, ...]:
    asked = Asked(texts, before, detect_language("\n".join(texts)), threshold=0.7)

    async def rewrite() -> str:
        return rewritten or ""

    finder = Finder(INDEXES[lang], None)
    return asyncio.run(finder.find_all(asked, None if rewritten is None else rewrite))


#: Language, what was asked, what leans on it, the entry that answers.
DIALOGUES = [
    ("en", "How do I return an item?", "and how long does that take?", "returns"),
    ("en", "Can you repair my tent?", "how much does it cost?", "repair"),
    ("en", "How long does delivery of a parcel take?", "And to Germany?", "delivery"),
    ("en", "Are gift cards valid long?", "can I use them online?", "cards"),
    ("ru", "Как вернуть товар?", "а сколько это занимает?", "returns"),
    ("ru", "Вы делаете ремонт палаток?", "и сколько это стоит?", "repair"),
    ("ru", "Как идёт доставка посылок?", "а в Германию?", "delivery"),
    ("es", "¿Cómo puedo devolver un artículo?", "¿y cuánto tarda eso?", "returns"),
    ("es", "¿Hacen reparación de tiendas de campaña?", "¿y cuánto cuesta?", "repair"),
    ("es", "¿Cómo es el envío de paquetes?", "¿y a Alemania?", "delivery"),
    ("mn", "Бараа буцаах боломжтой юу?", "тэр хэр удаан болох вэ?", "returns"),
    ("mn", "Майхан засвар хийдэг үү?", "харин үнэ нь хэд вэ?", "repair"),
    ("mn", "Бэлгийн карт хүчинтэй юу?", "тэр онлайнаар болох уу?", "cards"),
]


@pytest.mark.parametrize(("lang", "first", "then", "entry"), DIALOGUES)
def test_what_leans_on_the_question_before_is_found_with_it(
    lang: str, first: str, then: str, entry: str
) -> None:
    (alone,) = find(lang, then)
    (found,) = find(lang, then, before=(first,))

    assert found.entry == entry
    assert found.sure >= 0.5
    assert found.query == f"{first}\n{then}" or alone.sure >= 0.7


def test_a_bare_question_does_not_find_what_is_put_in_the_same_words() -> None:
    then = "and how much is it?"
    index = Index(
        [
            *INDEXES["en"].documents,
            Document(
                key=9, entry="price", title="How much is it?", body="From 90 euros.",
                lang="en", entry_type="faq", revision=1, visibility="customer",
            ),
        ]
    )  # fmt: skip
    asked = Asked((then,), ("How do I return an item?",), "en", 0.7)

    (found,) = asyncio.run(Finder(index, None).find_all(asked))

    assert asyncio.run(Finder(index, None).find(then)).entry == "price"
    assert found.entry == "returns"


def test_an_entry_without_a_number_does_not_say_how_long() -> None:
    before = ("How do I change my password?",)

    (found,) = find("en", "and how long does that take?", before=before)

    assert found.entry == "account"
    assert found.sure <= 0.5


def test_a_question_two_steps_back_is_reached_over_one_that_leans_too() -> None:
    before = ("Gift cards?", "How do I return an item?", "and how long does it take?")

    (found,) = find("en", "and how much is it?", before=before)

    assert found.entry == "returns"
    assert "Gift" not in found.query


@pytest.mark.parametrize(
    ("lang", "first", "then"),
    [
        ("en", "How do I return an item?", "and who is the president of France?"),
        ("en", "How do I return an item?", "does it rain tomorrow?"),
        (
            "en",
            "How do I return an item?",
            "What is the weather like on the moon today?",
        ),
        ("ru", "Как вернуть товар?", "а кто президент Франции?"),
        ("es", "¿Cómo puedo devolver un artículo?", "¿y quién es el presidente?"),
        ("mn", "Бараа буцаах боломжтой юу?", "харин ерөнхийлөгч хэн бэ?"),
    ],
)
def test_what_the_entry_does_not_speak_of_gets_no_surer_by_the_question_before(
    lang: str, first: str, then: str
) -> None:
    (alone,) = find(lang, then)
    (found,) = find(lang, then, before=(first,))

    assert (found.query, found.sure) == (then, alone.sure)


@pytest.mark.parametrize(
    ("lang", "first", "then", "entry"),
    [
        ("en", "How do I return an item?", "Can you repair my tent?", "repair"),
        ("en", "Gift cards", "How do I change my password?", "account"),
        ("ru", "Как вернуть товар?", "Как сменить пароль?", "account"),
        ("mn", "Бараа буцаах", "Нууц үгээ яаж солих вэ?", "account"),
    ],
)
def test_a_whole_new_question_is_found_alone(
    lang: str, first: str, then: str, entry: str
) -> None:
    (found,) = find(lang, then, before=(first,))

    assert (found.entry, found.query) == (entry, then)


def test_without_a_question_before_nothing_is_lent() -> None:
    (found,) = find("en", "and how long does that take?")

    assert found.query == "and how long does that take?"


@pytest.mark.parametrize(
    ("question", "lang", "expected"),
    [
        ("and how long does that take?", "en", True), ("how much?", "en", True),
        ("why?", "", True), ("What about Germany?", "en", True),
        ("Can I return an opened tent?", "en", False), ("", "en", False),
        ("Where is my parcel?", "en", False), ("password", "en", False),
        ("а в Германию?", "ru", True), ("сколько стоит?", "ru", True),
        ("Как отменить заказ?", "ru", False), ("¿y eso?", "es", True),
        ("¿Cuánto cuesta?", "es", True), ("¿Cómo cancelo mi pedido?", "es", False),
        ("тэр хэд вэ?", "mn", True), ("Захиалгаа цуцлах уу?", "mn", False),
        ("ter hed ve?", "mn-Latn", True), ("zahialgaa tsutslah uu", "mn-Latn", False),
        ("and " + "word " * 20, "en", False), ("ok then", "en", False),
        ("I see", "en", False), ("ну ладно", "ru", False), ("vale", "es", False),
        ("and that?", "en", True), ("за тэгье", "mn", False),
    ],
)  # fmt: skip
def test_what_leans_is_told_by_what_languages_do_alike(
    question: str, lang: str, expected: bool
) -> None:
    assert followups.leans(question, lang) is expected


def test_a_rewritten_question_is_searched_where_words_alone_do_not_help() -> None:
    before = ("My tent is torn",)

    (found,) = find("en", "and the money for it?", before=before, rewritten="")
    assert found.query == "and the money for it?"
    (found,) = find(
        "en",
        "and the money for it?",
        before=before,
        rewritten="What costs tent repair?",
    )

    assert (found.query, found.entry) == ("What costs tent repair?", "repair")


def test_a_question_that_stands_alone_is_not_rewritten() -> None:
    (found,) = find(
        "en", "Do you know the moon?", before=("Gift cards?",), rewritten="Gift cards"
    )

    assert found.query == "Do you know the moon?"


TWO = ("How do I change my password?", "Are gift cards valid for two years?")


@pytest.mark.parametrize(
    "texts", [TWO, (" ".join(TWO),), (*TWO, TWO[0])], ids=["two", "in one", "repeated"]
)
def test_two_questions_in_one_burst_are_found_one_by_one(texts: tuple[str]) -> None:
    found = find("en", *texts)

    assert [each.entry for each in found] == ["account", "cards"]
    assert [each.query for each in found] == list(TWO)


@pytest.mark.parametrize(
    "texts",
    [
        ("My tent came yesterday", "How do I return an item?"),
        ("How do I return an item?", "Sending an item back for a refund?"),
        ("How do I return an item? And what is the moon made of?",),
    ],
    ids=["a statement", "the same entry", "one without an entry"],
)
def test_other_bursts_are_searched_as_one(texts: tuple[str]) -> None:
    (found,) = find("en", *texts)

    assert found.entry == "returns"
    assert found.query == "\n".join(texts)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("a", "b"), ["a", "b"]),
        (("Why? I ask. How?",), ["Why?", "How?"]),
        (("I ask. How?",), ["I ask. How?"]),
        ((), []),
    ],
)
def test_questions_are_messages_or_sentences_that_ask(
    texts: tuple[str, ...], expected: list[str]
) -> None:
    assert questions(texts) == expected


def test_only_an_index_with_vectors_wants_the_questions_vector() -> None:
    from knowledge.embeddable import texts_of

    wanted: list[str] = []

    async def embed(text: str, lang: str) -> Floats:
        wanted.append(text)
        return np.eye(1, 4, dtype=np.float32)[0]

    documents = INDEXES["en"].documents
    vectors = {
        text: np.eye(1, 4, 2, dtype=np.float32)[0]
        for document in documents
        for text in texts_of(document, in_detail=True)
    }

    asyncio.run(Finder(INDEXES["en"], None, embed).find("gift card"))
    assert wanted == []
    asyncio.run(Finder(index_of("en", vectors), None, embed).find("gift card"))
    assert wanted == ["gift card"]
