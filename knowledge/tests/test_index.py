from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from knowledge.index import Document, Index


def document(entry, title, body, **changes):
    values = {
        "key": 1,
        "lang": "en",
        "entry_type": "faq",
        "revision": 1,
        "visibility": "customer",
    }
    return Document(entry=entry, title=title, body=body, **(values | changes))


BAKERY = [
    document("hours", "Opening hours", "The bakery is open from seven to six."),
    document("cake", "Wedding cakes", "Order a wedding cake two weeks ahead."),
    document("flour", "Gluten", "Rye bread holds gluten; rice bread holds none."),
    document("price", "Prices", "A loaf is four coins, a roll is one."),
    document(
        "till",
        "Closing the till",
        "Count the coins in the till.",
        visibility="support",
    ),
]


@pytest.fixture(scope="module")
def bakery():
    return Index(BAKERY)


def found(index, query, **options):
    return [hit.document.entry for hit in index.search(query, **options).hits]


QUESTIONS = {
    "its own words": ("do you make wedding cakes", "cake"),
    "another form": ("which breads are made of rice", "flour"),
    "typing errors": ("weding caks", "cake"),
    "another word": ("how much does it cost", "price"),
    "another language": ("сколько стоит", "price"),
}


@pytest.mark.parametrize(("query", "entry"), QUESTIONS.values(), ids=QUESTIONS.keys())
def test_the_entry_that_answers_comes_first(bakery, query, entry):
    assert found(bakery, query)[0] == entry


def test_scores_fall_and_relevances_are_shares(bakery):
    hits = bakery.search("wedding cake").hits

    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert 0.5 < sum(hit.relevance for hit in hits) <= 1.000_001


def test_no_more_hits_than_asked_for(bakery):
    assert len(found(bakery, "bread", limit=2)) == 2


def test_hidden_entries_are_not_found(bakery):
    seen = frozenset({"customer"})

    assert found(bakery, "closing the till")[0] == "till"
    assert "till" not in found(bakery, "closing the till", visibilities=seen)
    assert found(bakery, "closing the till", visibilities=frozenset()) == []


def test_chunks_of_an_entry_are_one_hit_with_the_best_chunk():
    index = Index(
        [
            document("bread", "Bread", "Rolls are baked at five.", key=1),
            document("bread", "Bread", "Rye needs a sourdough starter.", key=2),
            document("cake", "Cake", "Cakes are baked at noon.", key=3),
        ]
    )

    hits = index.search("what does rye need, a starter?").hits

    assert [hit.document.entry for hit in hits].count("bread") == 1
    assert hits[0].document.key == 2


def test_an_earlier_question_leads_to_its_entry():
    taught = [
        document("hours", "Opening hours", "From seven to six."),
        document(
            "cake",
            "Wedding cakes",
            "Two weeks ahead.",
            examples=("something big for my sister's party",),
        ),
    ]

    assert found(Index(taught), "a big thing for a party")[0] == "cake"
    assert "vote" in Index(taught).search("party").features


def test_mongolian_in_latin_letters_finds_cyrillic_entries():
    index = Index(
        [
            document("a", "Нээх цаг", "Талхны дэлгүүр долоон цагт нээнэ.", lang="mn"),
            document("b", "Захиалгат бялуу", "Бялууг урьдчилан захиална.", lang="mn"),
        ]
    )

    assert found(index, "byaluu zahialah gesen yum")[0] == "b"


def test_vectors_take_part_in_the_order(bakery):
    likeness = np.array(
        [float(each.entry == "flour") for each in bakery.documents], np.float32
    )

    assert found(bakery, "zzz", similarity=likeness)[0] == "flour"


def test_what_touches_no_entry_finds_none(bakery):
    assert bakery.search("שלום עולם").hits == ()


def test_an_empty_index_finds_nothing():
    result = Index([]).search("bread")

    assert result.hits == ()
    assert result.features == {}


NONSENSE = ["", "\x00", "🎉", "שלום עולם", "](([[\"'*_`", "?!", "\ud800", "x " * 50_000]


@pytest.mark.parametrize("query", NONSENSE, ids=range(len(NONSENSE)))
def test_nonsense_is_answered_without_complaint(bakery, query):
    result = bakery.search(query)

    assert all(np.isfinite(value) for value in result.features.values())


def test_entries_of_nonsense_can_be_searched():
    index = Index([document(str(row), junk, junk) for row, junk in enumerate(NONSENSE)])

    assert isinstance(found(index, "bread \x00 שלום"), list)


def test_threads_may_search_at_once(bakery):
    queries = ["wedding cake", "opening hours", "gluten in bread", "price of rolls"] * 8

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda query: found(bakery, query), queries))

    assert together == [found(bakery, query) for query in queries]
