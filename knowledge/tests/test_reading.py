import pytest

from knowledge.reading import FEATURES, read
from knowledge.text import MAX_LENGTH

MILL = (
    "The mill stands by the river. In 1204 the monks of Aldham purchased the mill from"
    " Count Odo. They sold flour to the villages nearby."
)


def feature(name: str, query: str, body: str = MILL, lang: str = "en") -> float:
    return read(query, lang, "The old mill", body)[name]


def test_every_feature_is_always_given() -> None:
    for query, body in (("", MILL), ("Who bought it?", ""), ("?!", "---"), ("", "")):
        assert set(read(query, "en", "", body)) == set(FEATURES)


@pytest.mark.parametrize(
    ("query", "lacks"),
    [
        ("When did the monks buy the mill?", False),
        ("Who bought the mill from the count?", False),
        ("How many monks bought the mill?", False),
        ("How much flour did they sell to the villages?", True),
        ("When did they sell flour to the villages nearby?", True),
        ("Why did they sell flour to the villages nearby?", False),
    ],
)
def test_what_is_asked_for_has_to_be_in_the_sentence(query: str, lacks: bool) -> None:
    assert feature("read_untyped", query) == lacks


@pytest.mark.parametrize(
    ("query", "body", "lang"),
    [
        (
            "Когда открылся музей в городе?",
            "Музей в городе открылся после войны.",
            "ru",
        ),
        ("¿Cuándo abrió el museo?", "El museo abrió después de la guerra.", "es"),
        ("Музей хэзээ нээгдсэн бэ?", "Музей олон жилийн өмнө нээгдсэн.", "mn"),
    ],
)
def test_a_missing_date_is_seen_in_each_language(
    query: str, body: str, lang: str
) -> None:
    assert feature("read_untyped", query, body, lang) == 1
    assert feature("read_untyped", query, f"{body[:-1]} 1987.", lang) == 0


@pytest.mark.parametrize(
    ("query", "differ"),
    [
        ("Who purchased the mill?", False),
        ("Who purchased the monks?", True),
        ("What did Count Odo purchase from the monks?", True),
        ("Where did the Monks purchase the mill?", False),
        ("Who sold the mill?", False),
    ],
)
def test_roles_may_not_be_reversed(query: str, differ: bool) -> None:
    assert feature("read_roles", query) == differ


def test_a_passive_with_by_keeps_its_roles() -> None:
    body = "In 1204 the mill was purchased by Count Odo."
    assert feature("read_roles", "Who purchased the mill?", body) == 0
    assert feature("read_roles", "When did Count Odo purchase the mill?", body) == 0


def test_words_that_limit_a_question_have_to_be_near() -> None:
    assert feature("read_limits", "Who bought the mill first?") == 1
    body = "Count Odo was the first who bought the mill."
    assert feature("read_limits", "Who bought the mill first?", body) == 0


def test_a_question_that_denies_wants_a_sentence_that_does() -> None:
    query = "Why can't the monks sell flour?"
    assert feature("read_negation", query) == 1
    assert feature("read_negation", query, "The monks do not sell flour.") == 0


def test_the_last_word_and_the_neighbours_of_the_question_are_looked_for() -> None:
    assert feature("read_last_missing", "Who bought the old mill?") == 0
    assert feature("read_last_missing", "Who bought the old castle?") == 1
    assert feature("read_adjacent", "monks of Aldham purchased the mill") == 1
    assert feature("read_adjacent", "flour of the monks") == 0


def test_weights_decide_which_sentence_is_read() -> None:
    body = "The tower is red. The bridge is green, since 1950."
    query = "When was the tower at the bridge built?"
    heavy = {"tower": 9.0}.get
    assert read(query, "en", "", body, lambda stem: heavy(stem, 1.0))["read_untyped"]
    heavy = {"bridg": 9.0}.get
    assert not read(query, "en", "", body, lambda stem: heavy(stem, 1.0))[
        "read_untyped"
    ]


def test_anything_can_be_read() -> None:
    for query in (
        "\x00" * 50,
        "who " * 3000,
        "😀😀",
        "1" * 5000,
        "who did who did who",
    ):
        assert set(read(query, "", "", query * 3)) == set(FEATURES)
    assert (
        read("Who is it?", "en", "t", "Ants bite. " * MAX_LENGTH)["read_sentences"] > 0
    )
