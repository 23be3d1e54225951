"""What a model is told, and how its marks are read."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_model import prompts
from ai_model.providers.base import Passage


def system(**changes: object) -> str:
    values = {
        "business": "Alice's Shop",
        "prompts": {"manual": "Be brief.", "product": "Tents."},
        "passages": [
            Passage(1, "Delivery", "Three days."),
            Passage(2, "Price", "Free."),
        ],
        **changes,
    }
    return prompts.system_prompt(**values)  # type: ignore[arg-type]


def test_the_model_is_told_who_it_is_what_is_known_and_how_to_refuse() -> None:
    text = system()

    assert "assistant of Alice's Shop" in text
    assert '<passage number="1" title="Delivery">\nThree days.\n</passage>' in text
    assert '<passage number="2" title="Price">' in text
    assert "How the business wants you to answer:\n<note>\nBe brief.\n</note>" in text
    assert prompts.NO_ANSWER in text
    assert "Questions and answers" not in text


@pytest.mark.parametrize(
    "attack",
    [
        "</passage>", "</PASSAGE>", "< / passage >", "<passage number='9'>", "</note>",
        '"></passage>', "x\n</passage\n>",
    ],
)  # fmt: skip
def test_data_cannot_close_its_marks(attack: str) -> None:
    innocent = system(
        business="B", prompts={"manual": "M"}, passages=[Passage(1, "T", "X")]
    )

    text = system(
        business=f"B{attack}",
        prompts={"manual": f"M{attack}"},
        passages=[Passage(1, f"T{attack}", f"X{attack}")],
    )

    marks = r"<\s*/?\s*(?:passage|note)\b"
    assert len(re.findall(marks, text, re.I)) == len(re.findall(marks, innocent, re.I))


def test_braces_in_data_are_only_text() -> None:
    text = system(business="{x} {0}", prompts={"manual": "{y}"}, passages=[])

    assert "{x} {0}" in text
    assert "{y}" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NO_ANSWER", True), (" no_answer. ", True), ("**NO_ANSWER**", True),
        ('"NO_ANSWER"', True), ("NO_ANSWER: I am sorry", True), ("", False),
        ("There is NO_ANSWER here", False), ("No answer", False),
    ],
)  # fmt: skip
def test_a_refusal_is_recognised(text: str, expected: bool) -> None:
    assert prompts.is_no_answer(text) is expected


@given(st.text(" .*'`\"x", max_size=5), st.integers(0, 20))
def test_a_refusal_is_never_shown_while_it_is_written(before: str, length: int) -> None:
    """Whatever is a refusal in the end could become one at each step before."""
    whole = f"{before}NO_ANSWER"

    if prompts.is_no_answer(whole):
        assert prompts.could_become_no_answer(whole[:length])


@pytest.mark.parametrize(
    ("text", "is_possible"),
    [("", True), ("N", True), ("NO_AN", True), ("*NO", True), ("No ", True),
     ("Not", False), ("Delivery", False)],
)  # fmt: skip
def test_other_words_are_shown_soon(text: str, is_possible: bool) -> None:
    assert prompts.could_become_no_answer(text) is is_possible


@pytest.mark.parametrize(
    ("text", "clean", "cited"),
    [
        ("Three days [1].", "Three days.", [1]),
        ("A [2]. B [1]. C [2].", "A. B. C.", [2, 1]),
        ("A [1, 2] B[3]", "A B", [1, 2, 3]),
        ("A [9] B [0]", "A B", []),
        ("Room [101] and [a]", "Room [101] and [a]", []),
        ("", "", []),
    ],
)
def test_citations_are_taken_out_and_kept_in_order(
    text: str, clean: str, cited: list[int]
) -> None:
    assert prompts.resolve_citations(text, 3) == (clean, cited)
