"""What stands around an answer: who speaks, in front, and when people are back, behind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ai_model.lines import line, opening_time, own_text

if TYPE_CHECKING:
    import datetime as dt

    from ai_model.exchange import Answer, Question
    from ai_model.models import Assistant

#: What becomes the time of the next opening in an account's own message.
OPENING = "{opening}"


def frame(question: Question, answer: Answer, now: dt.datetime) -> Answer:
    """The answer as it is sent; silence stays silence."""
    if not answer.text:
        return answer
    text = answer.text
    if answer.hands_off or answer.offers_person:
        text = _join(" ", text, _promise(question, now))
    preamble = preamble_of(question)
    return replace(answer, text=under(preamble, text), preamble=preamble)


def under(preamble: str, text: str) -> str:
    """The text below what comes before it; nothing where there is no text."""
    return _join("\n\n", preamble, text) if text else ""


def preamble_of(question: Question) -> str:
    """What the first reply to a customer begins with: greeting and AI notice."""
    if question.is_greeted or question.visibilities is None:
        return ""
    assistant, lang = question.assistant, question.answer_in
    notice = ""
    if assistant.discloses_ai:
        own = own_text(assistant.disclosure_texts, lang)
        notice = own or line("disclosure", lang, assistant.tone)
    return _join(" ", own_text(assistant.greeting_texts, lang), notice)


def closed_text(question: Question, now: dt.datetime) -> str:
    """The message for those who write while the business is closed."""
    assistant, lang = question.assistant, question.answer_in
    own = own_text(assistant.outside_texts, lang)
    if own:
        return own.replace(OPENING, _opening(assistant, lang, now))
    return _join(" ", line("closed", lang, assistant.tone), _opens_again(question, now))


def _promise(question: Question, now: dt.datetime) -> str:
    """When there will be a person, while there is none."""
    assistant = question.assistant
    is_silent = assistant.outside_hours == assistant.OutsideHours.ANSWER
    return "" if is_silent or assistant.is_open(now) else _opens_again(question, now)


def _opens_again(question: Question, now: dt.datetime) -> str:
    assistant, lang = question.assistant, question.answer_in
    when = _opening(assistant, lang, now)
    return line("opens_again", lang, assistant.tone) % {"when": when} if when else ""


def _opening(assistant: Assistant, lang: str, now: dt.datetime) -> str:
    opening = assistant.hours.next_opening(now)
    return opening_time(opening, now, lang) if opening else ""


def _join(between: str, *parts: str) -> str:
    return between.join(each for each in parts if each)
