"""Texts in pieces that give them back."""

from __future__ import annotations

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from integrations.kommo.chunks import chunks
from integrations.kommo.replies import continuation

FAMILY = "👩\u200d👩\u200d👧\u200d👦"
TEXTS = {
    "Mongolian": "Таны захиалга маргааш өглөө есөн цагт хүргэгдэнэ, бэлэн байгаарай. "
    * 4,
    "Arabic": "سيتم توصيل طلبك غدًا في الصباح الباكر إن شاء الله تعالى. " * 4,
    "combining": "e\u0301a\u0308o\u0302" * 60,
    "families": FAMILY * 40,
    "flags": "🇲🇳🇷🇺🇪🇸" * 40,
    "one long word": "x" * 500,
    "Hindi": "आपका ऑर्डर कल सुबह पहुँचेगा। " * 12,
}
PARTS = st.sampled_from(
    ["a", "word ", "\n", "  ", "é", "e\u0301", FAMILY, "🇲🇳", "👍🏽", "ө", "ﷺ", "각", "\u1112\u1161\u11ab", "\r\n",
     "https://shop.example/orders/12345?x=1 "]
)  # fmt: skip


@given(st.lists(PARTS, max_size=80).map("".join) | st.text(max_size=300))
def test_pieces_give_back_any_text(text: str) -> None:
    found = chunks(text)

    assert "".join(found) == text
    assert all(0 < len(each) <= 80 for each in found)


@given(st.lists(PARTS, max_size=80).map("".join))
def test_no_character_that_people_see_is_cut(text: str) -> None:
    whole = regex.findall(r"\X", text)

    assert [
        seen for each in chunks(text) for seen in regex.findall(r"\X", each)
    ] == whole


@pytest.mark.parametrize("name", TEXTS)
def test_writing_systems_keep_their_characters(name: str) -> None:
    text = TEXTS[name]
    seen = [each for piece in chunks(text) for each in regex.findall(r"\X", piece)]

    assert seen == regex.findall(r"\X", text)


@given(st.lists(st.text("abcдөх", min_size=1, max_size=80), min_size=1, max_size=40))
def test_words_that_fit_are_kept_whole(words: list[str]) -> None:
    text = " ".join(words)

    assert [each for piece in chunks(text) for each in piece.split()] == words


def test_an_address_is_kept_whole_where_it_fits() -> None:
    url = "https://shop.example/" + "a" * 59
    text = (
        f"Your parcel has left our house this morning, and you can follow it: {url} !"
    )

    assert [each for each in chunks(text) if url in each]


def test_a_short_answer_is_shown_piece_by_piece() -> None:
    text = "word " * 100

    body = continuation(text)

    shown = [each["params"] for each in body["execute_handlers"][:-1]]
    assert "".join(each["value"] for each in shown) == text
    assert {each["type"] for each in shown} == {"text"}
    assert body["data"] == {"status": "wait", "reply": ""}
    assert body["execute_handlers"][-1] == {
        "handler": "goto",
        "params": {"type": "question", "step": 2},
    }


def test_an_answer_that_ten_handlers_do_not_hold_goes_whole() -> None:
    text = "word " * 300

    body = continuation(text, hands_off=True)

    assert body["data"] == {"status": "handoff", "reply": text}
    assert [each["params"] for each in body["execute_handlers"]] == [
        {"type": "question", "step": 1}
    ]


@given(st.text(max_size=1500))
def test_kommos_limits_are_kept(text: str) -> None:
    handlers = continuation(text)["execute_handlers"]

    assert 1 <= len(handlers) <= 10
    assert all(len(each["params"].get("value", "")) <= 80 for each in handlers)
