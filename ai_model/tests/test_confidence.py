from dataclasses import replace

import numpy as np
import pytest

from ai_model import fitting
from ai_model.confidence import (
    DEFAULT_THRESHOLD,
    MODELS,
    NEUTRAL,
    Adjustment,
    Model,
    Models,
    Term,
    confidence,
    sigmoid,
)
from ai_model.metrics import auroc
from ai_model.samples import Sample
from knowledge.index import Document, Index, SearchResult

GARDEN = Index(
    [
        Document(row, title, title, body, "en", "faq", 1, "customer")
        for row, (title, body) in enumerate(
            [
                ("Watering roses", "Water roses twice a week, early in the morning."),
                ("Pruning apple trees", "Prune apple trees in February."),
                ("Sowing carrots", "Sow carrots two centimetres deep in sandy soil."),
                ("Slugs", "Copper tape around the bed keeps slugs away."),
            ]
        )
    ]
)


def test_a_question_in_the_entrys_words_beats_a_foreign_one():
    known = confidence(GARDEN.search("when should I prune my apple trees?"))
    foreign = confidence(GARDEN.search("who won the chess championship in 1972?"))

    assert 0 < foreign < 0.3 < 0.7 < known < 1


def test_without_hits_there_is_no_confidence():
    assert confidence(SearchResult((), {}, "")) == 0


def test_the_threshold_is_a_cautious_probability():
    assert 0.5 < DEFAULT_THRESHOLD < 1


def test_a_bend_counts_only_above_it():
    term = Term("share", 0.5, 2.0)

    assert term.value({"share": 0.4}) == 0
    assert term.value({"share": 0.75}) == pytest.approx(0.5)
    assert Term("share", None, 2.0).value({}) == 0


def test_extreme_features_make_nothing_certain():
    model = Model(0.0, (Term("share", None, 1e9),))

    least, most = (sigmoid(model.odds({"share": share})) for share in (-1, 1))

    assert 0 < round(least, 4) < round(most, 4) < 1


def test_vectors_have_their_say_on_top_of_the_words():
    models = Models(
        words=Model(1.0, ()), meaning=Model(0.0, (Term("by_words", None, 2.0),))
    )

    assert models.odds({}) == 1
    assert models.odds({"vector": 0.5}) == 2


def test_an_adjustment_is_a_line_over_the_log_odds():
    assert NEUTRAL.apply(0.8) == 0.8
    assert Adjustment(slope=2.0).apply(0.8) == pytest.approx(16 / 17)
    assert Adjustment(offset=-10.0).apply(0.8) < 0.001


def sample(share, right, **changes):
    values = {"group": "shop", "number": 0, "features": {"share": share}}
    return Sample(**(values | {"right": right} | changes))


def made_up(count=400):
    """Searches whose first hit is right the more often, the higher its share."""
    chance = np.random.default_rng(3)
    shares = chance.random(count)
    right = chance.random(count) < shares
    return [
        sample(
            0.0,
            bool(is_right),
            group=f"business {row % 4}",
            features={"share": float(share), "experience": 0.5},
        )
        for row, (share, is_right) in enumerate(zip(shares, right, strict=True))
    ]


def test_a_fit_is_calibrated_and_repeats_itself():
    samples = made_up()

    data = fitting.fit(samples)
    models = Models.from_json(data["warm"])

    assert data == fitting.fit(samples)
    for share in (0.2, 0.5, 0.8):
        features = {"share": share, "experience": 0.5}
        assert sigmoid(models.odds(features)) == pytest.approx(share, abs=0.12)


def test_each_business_is_judged_by_models_that_never_saw_it():
    samples = made_up()
    samples += [replace(each, right=not each.right, group="odd") for each in samples]

    outcomes = fitting.leave_one_out(samples)

    pairs = [(chance, each.right) for chance, each in outcomes["odd", "warm"]]
    assert auroc(pairs) < 0.3


def test_the_logistic_regression_finds_known_weights():
    chance = np.random.default_rng(5)
    matrix = chance.normal(size=(20_000, 2))
    odds = 0.5 + matrix @ np.array([1.5, -0.7])
    right = (chance.random(20_000) < 1 / (1 + np.exp(-odds))).astype(float)

    bias, weights = fitting.logistic(matrix, right, np.ones(20_000), 1.0)

    assert bias == pytest.approx(0.5, abs=0.06)
    assert weights == pytest.approx([1.5, -0.7], abs=0.06)


def outcomes_of(**groups):
    return {(group, "cold"): pairs for group, pairs in groups.items()}


def test_the_threshold_reaches_the_precision_asked_for():
    outcomes = outcomes_of(a=[(0.6, sample(0, False)), (0.9, sample(0, True))])

    assert fitting.choose_threshold(outcomes) == pytest.approx(0.61)


def test_the_threshold_keeps_out_questions_without_an_entry():
    right = [(0.95, sample(0, True))] * 99
    foreign = (0.8, sample(0, False, kind="out_of_scope", answerable=False))

    assert fitting.choose_threshold(outcomes_of(a=[*right, foreign])) > 0.8


def test_a_question_counts_by_its_meaning_where_that_was_searched():
    by_words = sample(0.1, False)
    by_meaning = replace(by_words, features={"vector": 0.9}, right=True)
    other = replace(by_words, number=1)
    outcomes = outcomes_of(a=[(0.1, by_words), (0.9, by_meaning), (0.2, other)])

    shipped = fitting.as_shipped(outcomes)["a", "cold"]
    alone = fitting.by_words_alone(outcomes)["a", "cold"]

    assert [chance for chance, _ in shipped] == [0.9, 0.2]
    assert [chance for chance, _ in alone] == [0.1, 0.2]


def test_the_shipped_models_use_features_that_searches_have():
    features = GARDEN.search("slugs").features

    assert {term.feature for term in MODELS["cold"].words.terms} <= features.keys()
