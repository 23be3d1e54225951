from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from knowledge.embeddable import texts_of
from knowledge.index import Document, Index
from knowledge.postings import GramIndex


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


def test_questions_that_were_made_up_help_without_counting_as_history():
    plain = [
        document("hours", "Opening hours", "From seven to six."),
        document("cake", "Wedding cakes", "Two weeks ahead."),
    ]
    made_up = replace(plain[1], generated=("something big for my sister's party",))

    features = Index([plain[0], made_up]).search("a big party").features

    assert features["vote"] > 0
    assert features["nearest"] == 0
    assert features["experience"] == 0


def test_one_sentence_of_a_long_text_is_enough():
    long = document("tour", "Tour", "We meet at ten. Dogs may come along. Bring water.")
    other = document("shop", "Shop", "Open daily.")
    vectors = {
        text: pointing(1)[0]
        for each in (long, other)
        for text in texts_of(each, in_detail=True)
    }
    vectors["Tour\nDogs may come along."] = pointing(0)[0]

    assert (
        found(Index([long, other], vectors), "pets", vector=pointing(0)[0])[0] == "tour"
    )


def test_mongolian_in_latin_letters_finds_cyrillic_entries():
    index = Index(
        [
            document("a", "Нээх цаг", "Талхны дэлгүүр долоон цагт нээнэ.", lang="mn"),
            document("b", "Захиалгат бялуу", "Бялууг урьдчилан захиална.", lang="mn"),
        ]
    )

    assert found(index, "byaluu zahialah gesen yum")[0] == "b"


def pointing(*directions):
    """Unit vectors along these axes."""
    return np.eye(4, dtype=np.float32)[list(directions)]


def test_vectors_take_part_in_the_order():
    vectors = {
        text: pointing(0 if each.entry == "flour" else 1)[0]
        for each in BAKERY
        for text in texts_of(each, in_detail=True)
    }
    index = Index(BAKERY, vectors)

    assert index.wants_vector
    assert found(index, "zzz", vector=pointing(0)[0])[0] == "flour"
    assert found(index, "zzz") == []


def test_without_vectors_of_its_own_an_index_ignores_the_querys(bakery):
    assert not bakery.wants_vector
    assert found(bakery, "wedding cake", vector=pointing(0)[0])[0] == "cake"


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


def test_who_asks_in_the_words_of_an_earlier_question_means_its_entry():
    """However few such questions there are, and whatever else has the same words."""
    parcels = document(1, "Parcels abroad", "Scandinavia: five days.")
    parcels = replace(parcels, examples=("Do you ship to Norway?",))
    others = [
        document(2, "Shipping in Norway", "We ship to Norway, and do so every day."),
        document(3, "Gift cards", "Gift cards are valid for two years."),
    ]

    found = Index([parcels, *others]).search("do you ship to norway")

    assert found.hits[0].document.title == "Parcels abroad"
    assert found.features["verbatim"] == 1


def test_a_long_passage_that_holds_the_question_is_not_put_down_for_its_length():
    line = " the mill turns at night "
    rest = " ".join(f"a{number}b{number}c" for number in range(60))
    passages = [f"{line}{rest} ", " the mill turns ", " no word of it "]

    as_wholes = GramIndex.build(passages, (3, 4)).cosines(line)
    as_passages = GramIndex.build(passages, (3, 4), of_passages=True).cosines(line)

    assert as_wholes[0] < as_wholes[1]
    assert as_passages[0] > as_passages[1] > as_passages[2]
