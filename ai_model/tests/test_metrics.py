import math
from dataclasses import replace

import pytest

from ai_model.metrics import (
    Judged,
    Outcome,
    auroc,
    average_precision,
    calibration_error,
    compare_words,
    macro,
    measure,
    measure_handoff,
    most_answered,
    percentile,
    place,
)

#: Confidence, and whether the first entry is right.
PAIRS = [(0.9, True), (0.8, True), (0.8, False), (0.6, True), (0.1, False)]


def outcome(
    *,
    confidence: float = 0.5,
    rank: int | None = 1,
    is_answerable: bool = True,
    is_answered: bool = True,
) -> Outcome:
    return Outcome(
        id="1",
        question="?",
        kind="customer",
        is_answerable=is_answerable,
        rank=rank,
        gain=1.0 if rank == 1 else 0.0,
        confidence=confidence,
        is_answered=is_answered,
        cited=5,
        unknown=0,
    )


def test_a_right_answer_is_surer_than_a_wrong_one_in_four_and_a_half_of_six_pairs() -> (
    None
):
    # 0.9 beats both, 0.8 ties with 0.8 and beats 0.1, 0.6 beats 0.1.
    assert auroc(PAIRS) == pytest.approx((2 + 1.5 + 1) / 6)
    assert auroc([(0.5, True)]) is None


def test_precision_is_averaged_over_levels_of_confidence() -> None:
    # 1 of 1 at 0.9, 2 of 3 at 0.8, 3 of 4 at 0.6; ties are one level.
    assert average_precision(PAIRS) == pytest.approx((1 / 1 + 2 / 3 + 3 / 4) / 3)
    assert average_precision([(0.5, False)]) is None


def test_ties_are_never_split_when_answers_are_counted() -> None:
    assert most_answered(PAIRS, 0.95) == 1
    assert most_answered(PAIRS, 0.75) == 4
    assert most_answered(PAIRS, 0.6) == 5
    assert most_answered([(0.5, False)], 0.5) == 0


def test_calibration_is_measured_in_ten_bins() -> None:
    # 0.8 and 0.8 share a bin: they claim 1.6 and hold 1.
    expected = (0.1 + 0.6 + 0.4 + 0.1) / 5
    assert calibration_error(PAIRS) == pytest.approx(expected)
    assert calibration_error([(1.0, True)]) == 0.0


def test_the_place_of_the_first_right_entry_counts() -> None:
    assert place(["a", "b"], frozenset("b")) == (2, pytest.approx(1 / math.log2(3)))
    assert place(["a", "a", "b"], frozenset("ab")) == (1, 1.0)
    assert place(list("abcdefghijk"), frozenset("k")) == (None, 0.0)
    assert place(["a"], frozenset()) == (None, 0.0)


@pytest.mark.parametrize(
    ("answer", "known", "contains", "overlap"),
    [
        ("It opened in the year 1911.", ["year 1911"], True, 4 / 7),
        ("It opened in 19111.", ["1911"], False, 0.0),
        ("«Red», they say", ["red"], True, 1 / 2),
        ("An apple", ["the apple"], True, 1.0),
        ("", ["x"], False, 0.0),
        ("word", ["the"], False, 0.0),
    ],
)
def test_words_are_compared_without_marks_and_articles(
    answer: str, known: list[str], contains: bool, overlap: float
) -> None:
    assert compare_words(answer, known) == (contains, pytest.approx(overlap))


def test_figures_of_four_questions() -> None:
    figures = measure(
        [
            outcome(confidence=0.9),
            outcome(confidence=0.8, is_answered=False),
            outcome(confidence=0.7, rank=3),
            outcome(confidence=0.2, rank=None, is_answerable=False),
        ]
    )
    assert figures["questions"] == 4
    assert figures["recall@1"] == pytest.approx(2 / 3)
    assert figures["recall@3"] == 1.0
    assert figures["mrr@10"] == pytest.approx((1 + 1 + 1 / 3) / 3)
    assert figures["auroc"] == 1.0
    assert figures["coverage@95"] == 0.5
    assert figures["automated@95"] == pytest.approx(2 / 3)
    assert figures["answered_share"] == 0.75
    assert figures["answered_precision"] == pytest.approx(1 / 3)
    assert figures["false_answer_rate"] == 1.0
    assert figures["right_but_escalated"] == 0.5
    assert figures["brier"] == pytest.approx((0.01 + 0.04 + 0.49 + 0.04) / 4)
    assert figures["unknown_source_rate"] == 0.0
    assert figures["answer_contains"] is None
    assert figures["latency_p50_ms"] is None


def test_an_entry_that_does_not_exist_is_told() -> None:
    assert measure([replace(outcome(), unknown=1)])["unknown_source_rate"] == 0.2


def test_nothing_gives_no_figure_but_no_error_either() -> None:
    figures = measure([])
    assert figures["questions"] == 0
    assert figures["recall@1"] is None
    assert figures["automated@95"] is None


def test_a_mean_over_businesses_leaves_out_what_one_lacks() -> None:
    found = macro([{"questions": 2, "ece": 0.2}, {"questions": 3, "ece": None}])
    assert found == {"questions": 5, "ece": 0.2, "answerable": 0}


def test_percentiles_are_values_that_occurred() -> None:
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile([3.0, 1.0, 2.0], 95) == 3.0
    assert percentile([], 95) is None


def test_requests_for_a_person_are_counted_by_language() -> None:
    figures = measure_handoff(
        [
            Judged("en", asks=True, said=True),
            Judged("en", asks=False, said=False),
            Judged("ru", asks=True, said=True),
            Judged("ru", asks=False, said=True),
        ]
    )
    assert figures["f1"] == pytest.approx(4 / 5)
    assert figures["false_alarms"] == 0.5
    assert figures["language_gap"] == pytest.approx(1 - 2 / 3)
