"""Cutting and cleaning text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text import (
    clean_text,
    in_hundredths,
    split_text,
    truncate,
    utf8_bytes,
    utf16_units,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@given(st.text(alphabet="ab .\n!\u00e9\U0001f600", max_size=400), st.integers(1, 60))
def test_splitting_loses_nothing_but_white_space_at_seams(
    text: str, limit: int
) -> None:
    parts = split_text(text, limit)

    assert all(0 < len(part) <= limit for part in parts)
    assert re.sub(r"\s", "", "".join(parts)) == re.sub(r"\s", "", text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("   ", []),
        ("short", ["short"]),
        ("a" * 12, ["a" * 10, "aa"]),
        ("One two. Three four.", ["One two.", "Three", "four."]),
        ("12345\n\n67890\nab", ["12345", "67890\nab"]),
    ],
    ids=["nothing", "blank", "fits", "no seam", "sentences first", "paragraphs first"],
)
def test_a_text_is_cut_at_its_best_seam(text: str, parts: list[str]) -> None:
    assert split_text(text, 10) == parts


@pytest.mark.parametrize("measure", [utf16_units, utf8_bytes])
@given(
    text=st.text(alphabet="ab .\n!\u00e9\u0436\u20ac\U0001f600", max_size=400),
    limit=st.integers(4, 60),
)
def test_parts_keep_to_the_limit_that_a_provider_counts(
    measure: Callable[[str], int], text: str, limit: int
) -> None:
    parts = split_text(text, limit, measure)

    assert all(part and measure(part) <= limit for part in parts)
    assert re.sub(r"\s", "", "".join(parts)) == re.sub(r"\s", "", text)


@given(
    st.lists(
        st.text("абвг\U0001f600", min_size=1, max_size=30), min_size=1, max_size=20
    )
)
def test_short_sentences_are_never_cut_in_two(words: list[str]) -> None:
    sentences = [f"{each}." for each in words]

    parts = split_text(" ".join(sentences), 200, utf8_bytes)

    assert [each for part in parts for each in part.split()] == sentences
    assert all(part.endswith(".") for part in parts)


@given(st.text(max_size=200))
def test_lengths_are_those_of_the_encodings(text: str) -> None:
    assert utf16_units(text) == len(text.encode("utf-16-le", "surrogatepass")) // 2
    assert utf8_bytes(text) == len(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0, 0), (0.0001, 1), (0.294, 29), (0.9949, 99), (0.9987, 99), (0.9999, 99), (1, 100)],
)  # fmt: skip
def test_none_and_all_are_shown_only_of_what_is_that(share: float, shown: int) -> None:
    assert in_hundredths(share) == shown


def test_a_truncated_text_keeps_to_its_limit() -> None:
    assert truncate("abcdef", 6) == "abcdef"
    assert truncate("abcdefg", 6) == "abcde…"


@given(st.text(st.characters(categories=["L", "N", "Cs", "Cc"])))
def test_clean_text_can_be_stored_and_sent(text: str) -> None:
    cleaned = clean_text(text)

    cleaned.encode("utf-8")
    assert "\x00" not in cleaned
    assert clean_text(cleaned) == cleaned
