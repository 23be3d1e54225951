from dataclasses import replace

import pytest

from ai_model.confidence import NEUTRAL, adjust, sigmoid
from ai_model.selfcheck import adjustment, near_misses, self_check
from knowledge.index import Document

TOOLS = ("hammer", "saw", "drill", "chisel", "plane", "file", "vice", "clamp")


def entry(row, title, body):
    return Document(row, f"e{row}", title, body, "en", "faq", 1, "customer")


#: Every entry is about something else.
SHED = [
    entry(row, f"Where the {tool} hangs", f"Look for the {tool} on board {row}.")
    for row, tool in enumerate(TOOLS)
]
#: Every entry is about nearly the same.
BANK = [
    entry(
        row,
        f"Card payment declined at the {tool}",
        f"When a card payment was declined at the {tool}, try the card payment again.",
    )
    for row, tool in enumerate(TOOLS)
]


def test_entries_about_nearly_the_same_make_it_less_sure():
    assert self_check(BANK, None).offset < self_check(SHED, None).offset


def test_a_check_gives_the_same_each_time():
    assert self_check(BANK, None) == self_check(list(BANK), None)


def test_real_questions_are_asked_where_there_are_any():
    asked = ("is the cat allowed in", "may I bring my dog")
    taught = [replace(SHED[0], examples=asked), *SHED[1:]]

    assert len(list(near_misses(SHED, None))) == len(SHED)
    assert len(list(near_misses(taught, None))) >= len(SHED)


@pytest.mark.parametrize("documents", [[], SHED[:1]], ids=["none", "one"])
def test_too_little_knowledge_teaches_nothing(documents):
    assert self_check(documents, None) == NEUTRAL


def test_few_questions_and_extreme_ones_move_little():
    assert abs(adjustment([9.0]).offset) < abs(adjustment([9.0] * 50).offset)
    assert adjustment([30.0] * 300).offset >= -1


def test_a_part_of_a_large_base_cannot_make_it_surer():
    assert adjustment([-5.0] * 50, is_part=True).offset == 0
    assert adjustment([5.0] * 50, is_part=True).offset < 0


def test_about_questions_in_other_languages_nothing_makes_it_surer():
    surer = adjustment([-5.0] * 50)

    assert adjust(1.0, {}, surer) > sigmoid(1.0)
    assert adjust(1.0, {"foreign": 1.0}, surer) == sigmoid(1.0)
