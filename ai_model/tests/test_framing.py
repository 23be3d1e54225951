"""What stands around an answer: greeting, AI notice, and when people are back."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from ai_model.answering import give_up
from ai_model.exchange import Answer, Question
from ai_model.framing import closed_text, frame, preamble_of
from ai_model.models import Assistant
from conversations.models import Message

#: A Saturday evening in Ulaanbaatar, at noon UTC.
NOON = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)
WEEKDAYS = {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
NOTICE = "You are writing with an automatic assistant (AI)."
OPENS = "We open again: Monday, 23 November, 09:00."


def question(text: str = "How long does delivery take?", **changes: Any) -> Question:
    settings = {
        "business_hours": WEEKDAYS,
        "time_zone": "Asia/Ulaanbaatar",
        **changes.pop("settings", {}),
    }
    values: dict[str, Any] = {
        "texts": (text,),
        "history": (),
        "lang": "",
        "has_offer": False,
        "contact": "secret:1",
        "attempt": 1,
        "business": "Alice's Shop",
        "assistant": Assistant(**settings),
        "prompts": {},
        "visibilities": frozenset({"customer"}),
        "budget_s": 5.0,
        "is_greeted": True,
        **changes,
    }
    return Question(**values)


ANSWER = Answer("Three days.", Message.State.ANSWERED, "answered", "en")
OFFER = replace(ANSWER, text="A person?", offers_person=True)


@pytest.mark.parametrize(
    ("chosen", "lang", "expected"),
    [
        ({}, "en", NOTICE),
        ({}, "ru", "Вы переписываетесь с автоматическим помощником (ИИ)."),
        (
            {"disclosure_texts": {"en": "I am Larry, an AI."}},
            "en",
            "I am Larry, an AI.",
        ),
        ({"disclosure_texts": {"ru": "Я Ларри, ИИ."}}, "en", NOTICE),
        ({"greeting_texts": {"en": "Welcome!"}}, "en", f"Welcome! {NOTICE}"),
        ({"greeting_texts": {"en": "Hi!"}, "discloses_ai": False}, "en", "Hi!"),
        ({"discloses_ai": False}, "en", ""),
    ],
)
def test_the_first_reply_says_that_an_ai_answers(
    chosen: Any, lang: str, expected: str
) -> None:
    asked = question("12?", lang=lang, settings=chosen, is_greeted=False)

    framed = frame(asked, ANSWER, NOON)

    assert framed.preamble == preamble_of(asked) == expected
    assert framed.text == (f"{expected}\n\n" if expected else "") + "Three days."


def test_later_replies_staff_and_silence_are_spared() -> None:
    asked = question(is_greeted=False)
    silence = replace(ANSWER, text="")

    assert frame(replace(asked, is_greeted=True), ANSWER, NOON) == ANSWER
    assert frame(replace(asked, visibilities=None), ANSWER, NOON) == ANSWER
    assert frame(asked, silence, NOON) == silence


@pytest.mark.parametrize(
    ("mode", "answer", "is_told"),
    [
        ("answer", OFFER, False),
        ("promise", OFFER, True),
        ("promise", ANSWER, False),
        ("hand_over", replace(OFFER, hands_off=True, offers_person=False), True),
        ("message", OFFER, True),
    ],
)
def test_who_needs_a_person_is_told_when_there_is_one(
    mode: str, answer: Answer, is_told: bool
) -> None:
    asked = question(settings={"outside_hours": mode})
    monday = NOON + dt.timedelta(days=2, hours=-8)

    assert frame(asked, answer, NOON).text.endswith(OPENS) is is_told
    assert frame(asked, answer, monday) == answer


def test_the_message_outside_hours_is_the_accounts_own() -> None:
    asked = question(settings={"outside_texts": {"en": "Closed till {opening}!"}})
    plain = question(settings={"outside_texts": {"es": "Cerrado."}})

    assert closed_text(asked, NOON) == "Closed till Monday, 23 November, 09:00!"
    assert closed_text(plain, NOON).endswith(f"when we are back. {OPENS}")


@pytest.mark.parametrize(
    ("lang", "expected"),
    [
        ("mn", "Дахин нээх цаг: Даваа гариг, 11-р сарын 23, 09:00."),
        ("ru", "Мы снова откроемся: понедельник, 23 ноября, 09:00."),
        ("es", "Volvemos a abrir: lunes, 23 de noviembre, 09:00."),
        ("de", OPENS),
    ],
)
def test_the_next_opening_is_said_in_the_customers_language(
    lang: str, expected: str
) -> None:
    assert closed_text(question("12?", lang=lang), NOON).endswith(expected)


@pytest.mark.parametrize(
    ("days", "said"),
    [({"2026-11-22": [["10:00", "12:00"]]}, "tomorrow, 10:00"),
     ({"2026-11-21": [["21:30", "23:00"]]}, "today, 21:30")],
)  # fmt: skip
def test_today_and_tomorrow_are_called_so(days: Any, said: str) -> None:
    asked = question(settings={"special_days": days})

    assert closed_text(asked, NOON).endswith(f"We open again: {said}.")


@pytest.mark.parametrize(
    ("languages", "lang", "expected"),
    [
        ([], "de", "de"),
        (["en", "mn"], "mn-Latn", "mn-Latn"),
        (["en", "mn"], "ru", "mn"),
        (["en", "mn"], "", "mn"),
    ],
)
def test_the_account_says_which_languages_are_spoken(
    languages: list[str], lang: str, expected: str
) -> None:
    settings = {"languages": languages, "fallback_language": "mn"}

    asked = question("12?", lang=lang, settings=settings)

    assert (asked.asked_in, asked.answer_in) == (lang, expected)
    if languages and expected == "mn":
        assert give_up(asked, "timeout").text.startswith("Би одоо хариулж чадахгүй")


def test_the_tone_reaches_our_own_lines() -> None:
    said = {
        tone: question(settings={"tone": tone}).line("greeting")
        for tone in Assistant.Tone.values
    }

    assert len(set(said.values())) == 3
    assert question(settings={"tone": "formal"}).line("error").startswith("I can't")
