import numpy as np
import pytest

from ai_model import fitting
from ai_model.confidence import DEFAULT_THRESHOLD, MODELS, Model, Term, confidence
from ai_model.fitting import Sample
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


def test_extreme_features_stay_probabilities():
    model = Model(0.0, (Term("share", None, 1e9),))

    assert 0 < model.probability({"share": -1}) < model.probability({"share": 1}) < 1


def made_up(count=400):
    """Searches whose first hit is right the more often, the higher its share."""
    chance = np.random.default_rng(3)
    shares = chance.random(count)
    right = chance.random(count) < shares
    return [
        Sample(f"business {row % 4}", {"share": float(share)}, bool(is_right))
        for row, (share, is_right) in enumerate(zip(shares, right, strict=True))
    ]


def test_a_fit_is_calibrated_and_repeats_itself():
    samples = made_up()

    data = fitting.fit(samples)
    model = Model.from_json(data["cold"])

    assert data == fitting.fit(samples)
    for share in (0.2, 0.5, 0.8):
        assert model.probability({"share": share}) == pytest.approx(share, abs=0.12)


def test_the_logistic_regression_finds_known_weights():
    chance = np.random.default_rng(5)
    matrix = chance.normal(size=(20_000, 2))
    odds = 0.5 + matrix @ np.array([1.5, -0.7])
    right = (chance.random(20_000) < 1 / (1 + np.exp(-odds))).astype(float)

    bias, weights = fitting.logistic(matrix, right, np.ones(20_000), 1.0)

    assert bias == pytest.approx(0.5, abs=0.06)
    assert weights == pytest.approx([1.5, -0.7], abs=0.06)


def test_the_threshold_reaches_the_precision_asked_for():
    outcomes = {("a", "cold"): [(0.6, False), (0.7, True), (0.9, True)]}

    assert fitting.choose_threshold(outcomes) == pytest.approx(0.61)
    assert fitting.precision([], 0.5) is None


def test_a_folder_of_businesses_becomes_samples(tmp_path):
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "entries.jsonl").write_text(
        '{"entry_id": "e1", "title": "Tea", "body": "Green.", "entry_type": "faq"}\n'
        '{"entry_id": "e2", "title": "Cup", "body": "Blue.", "entry_type": "faq"}\n'
    )
    (shop / "questions.jsonl").write_text('{"question": "tea?", "entry_ids": ["e1"]}\n')
    (shop / "history.jsonl").write_text('{"question": "any tea", "entry_id": "e1"}\n')

    samples = fitting.samples_from(tmp_path)

    assert {sample.mode for sample in samples} == {"cold", "warm"}
    assert {sample.group for sample in samples} == {"shop"}
    assert [sample.right for sample in samples if not sample.made] == [True, True]


def test_the_shipped_models_use_features_that_searches_have():
    features = GARDEN.search("slugs").features
    used = {term.feature for term in MODELS["cold"].terms}

    assert used <= features.keys()
