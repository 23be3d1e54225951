"""From what a contact wrote to what the assistant says: search, write, decide."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import timezone

from ai_model import (
    attachments,
    followups,
    framing,
    handling,
    intent,
    judgement,
    writing,
)
from ai_model.exchange import Answer, Question
from ai_model.finding import Asked, Finder
from ai_model.lines import LINES
from ai_model.rewriting import Rewriter
from conversations.models import Message
from core.exceptions import ProviderError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from ai_model.attachments import Look
    from ai_model.finding import EmbedQuery, Finding
    from ai_model.providers.base import OnText
    from ai_model.writing import Written
    from knowledge.index import Hit, Index

logger = logging.getLogger(__name__)

#: Turns for the same words after which a person is called.
MOST_ATTEMPTS = 3


async def answer(
    question: Question,
    find_index: Callable[[], Awaitable[Index]],
    on_text: OnText | None = None,
    embed_query: EmbedQuery | None = None,
) -> Answer:
    """Answer, or say why a person is needed. Raises nothing that a provider does."""
    started = time.perf_counter()
    looks: tuple[Look, ...] = ()
    if question.attachments and question.fetch and not _refused(question):
        question, looks = await attachments.into_words(question, question.fetch)
    took_ms = _ms_since(started)
    found = await _answer(question, find_index, on_text, embed_query)
    if looks:
        timings = {"read": took_ms, **found.timings}
        found = replace(found, looks=looks, timings=timings)
    are_read = bool(looks) and all(each.outcome == "read" for each in looks)
    if question.attachments and not are_read and found.reason == "answered":
        # Nobody has looked at all that came with the words; the contact is to know.
        text = f"{found.text}\n\n{question.line('attachment_aside')}"
        return replace(found, text=text)
    return found


async def _answer(
    question: Question,
    find_index: Callable[[], Awaitable[Index]],
    on_text: OnText | None,
    embed_query: EmbedQuery | None,
) -> Answer:
    # The waiting messages without their courtesies.
    texts = tuple(each for each in question.texts if not intent.small_talk(each))
    early = without_search(question, texts)
    if early is not None:
        return early
    started = time.perf_counter()
    finder = Finder(
        await find_index(), question.visibilities, embed_query, question.adjustment
    )
    findings = await _find(question, texts, finder)
    found = _found(question, question.asked_in, findings)
    found.timings["retrieve"] = _ms_since(started)
    if found.reason != "answered" and not _may_ask_model(question, found):
        return found
    left_s = question.budget_s - (time.perf_counter() - started)
    return await _write(replace(question, budget_s=left_s), found, findings, on_text)


async def _find(
    question: Question, texts: tuple[str, ...], finder: Finder
) -> tuple[Finding, ...]:
    """What answers the words, together with what their pictures show."""
    lang, threshold = question.asked_in, question.assistant.effective_threshold
    rewriter = _rewriter(question)
    rewrite = rewriter.rewrite if rewriter else None
    shown = (question.shown,) if question.shown else ()
    asked = Asked((*texts, *shown), question.before, lang, threshold)
    findings = await finder.find_all(asked, rewrite)
    is_unsure = min(each.sure for each in findings) < threshold
    if shown and texts and is_unsure and not followups.leans("\n".join(texts), lang):
        # The words stand alone; the picture may be beside the point.
        plain = await finder.find_all(replace(asked, texts=texts))
        return max(findings, plain, key=lambda found: min(each.sure for each in found))
    return findings


def _rewriter(question: Question) -> Rewriter | None:
    """What puts a question into words that stand alone, where a model is configured."""
    if not writing.has_model(question.assistant):
        return None
    return Rewriter(
        question.with_picture,
        question.assistant,
        contact=question.contact,
        budget_s=question.budget_s / 4,
        meter=question.meter,
    )


def _may_ask_model(question: Question, found: Answer) -> bool:
    """Whether a model could make sure of what the search is not sure of."""
    return (
        found.reason == "low_confidence"
        and judgement.is_worth_asking(found.confidence or 0.0, found.threshold or 0.0)
        and writing.has_model(question.assistant)
    )


def without_search(question: Question, texts: Sequence[str]) -> Answer | None:
    """What can be decided from the words and the settings alone."""
    return _refused(question) or _courtesy(question, texts)


def _refused(question: Question) -> Answer | None:
    """Why the assistant does not answer this, whatever else it says."""
    assistant = question.assistant
    if question.attempt > MOST_ATTEMPTS:
        return give_up(question, "error")
    obstacle = handling.obstacle(assistant)
    if obstacle in handling.SILENT:
        return replace(give_up(question, obstacle, "error"), text="")
    phrases = [*assistant.phrases, *settings.ESCALATE_TO_HUMAN_KEYWORDS]
    if any(
        intent.wants_person(each, phrases=phrases, offered=question.has_offer)
        for each in question.texts
    ):
        return give_up(question, "asked_for_person")
    if obstacle:
        return give_up(question, obstacle)
    return _while_closed(question)


def _while_closed(question: Question) -> Answer | None:
    """What takes the place of an answer while the business is closed."""
    now = timezone.now()
    if question.assistant.answers_at(now):
        return None
    return Answer(
        framing.closed_text(question, now),
        Message.State.HANDED_OVER,
        "outside_hours",
        question.asked_in,
        needs_person=True,
    )


def _courtesy(question: Question, texts: Sequence[str]) -> Answer | None:
    """The answer to what asks nothing."""
    name = reason = ""
    if not texts and question.shown:
        return None
    if not question.text.strip() and question.attachments:
        return _unseen(question)
    if not question.text.strip():
        name = reason = "empty"
    elif question.has_offer and intent.declines(question.texts[-1]):
        name = reason = "declined"
    elif not texts:
        name = intent.small_talk(question.texts[-1]) or "greeting"
        reason = "small_talk"
    if not name:
        return None
    return Answer(
        question.line(name), Message.State.ANSWERED, reason, question.asked_in
    )


def _unseen(question: Question) -> Answer:
    """What is said to a picture or a voice that nobody here can make out."""
    return Answer(
        question.line("attachment"),
        Message.State.HANDED_OVER,
        "attachment",
        question.asked_in,
        offers_person=True,
    )


def give_up(question: Question, reason: str, said: str = "") -> Answer:
    """Give the conversation to a person, with an honest line."""
    name = said or (reason if reason in LINES else "error")
    return Answer(
        question.line(name),
        Message.State.HANDED_OVER,
        reason,
        question.asked_in,
        hands_off=True,
    )


def _found(question: Question, lang: str, findings: tuple[Finding, ...]) -> Answer:
    """The decision that the search alone allows, with the offer of a person."""
    sure = round(min(each.sure for each in findings), 4)
    threshold = question.assistant.effective_threshold
    reason = "answered" if sure >= threshold else "low_confidence"
    hits = _merged(findings)
    if not hits:
        reason = "no_results"
    answer = Answer(
        text=question.line("unsure" if question.client_offers else "low_confidence"),
        outcome=Message.State.HANDED_OVER,
        reason=reason,
        lang=lang,
        confidence=sure,
        threshold=threshold,
        sources=[_source(finding, hit) for finding, hit in hits],
        offers_person=True,
        query="\n".join(each.query for each in findings),
        retrieved=[
            {"entry_id": hit.document.entry, "score": round(hit.score, 4)}
            for _, hit in hits
        ],
    )
    if question.is_detailed:
        _tell(answer, {"searched": [_features(each) for each in findings]})
    return answer


def _merged(findings: tuple[Finding, ...]) -> list[tuple[Finding, Hit]]:
    """What all of them found, each entry once: the first of each, the second, …"""
    found: dict[str, tuple[Finding, Hit]] = {}
    for rank in range(max(len(each.hits) for each in findings)):
        for finding in findings:
            for hit in finding.hits[rank : rank + 1]:
                found.setdefault(hit.document.entry, (finding, hit))
    return list(found.values())


def _source(finding: Finding, hit: Hit) -> dict[str, Any]:
    best = finding.hits[0].relevance or 1.0
    return {
        "title": hit.document.title,
        # The first one's is the answer's; the others stand behind it.
        "confidence": round(finding.sure * min(1.0, hit.relevance / best), 4),
        "entry_type": hit.document.entry_type,
        "entry_id": hit.document.entry,
        "revision": hit.document.revision,
    }


def _features(finding: Finding) -> dict[str, Any]:
    return {
        "query": finding.query,
        "confidence": round(finding.sure, 4),
        "features": {
            name: round(value, 4) for name, value in finding.result.features.items()
        },
    }


def _tell(answer: Answer, details: dict[str, Any]) -> None:
    """Keep what a test agent is told, beside the entry that it is about."""
    if answer.retrieved:
        answer.retrieved[0].setdefault("details", {}).update(details)


async def _write(
    question: Question,
    found: Answer,
    findings: tuple[Finding, ...],
    on_text: OnText | None,
) -> Answer:
    """Let the providers write the answer from what was found."""
    started = time.perf_counter()
    try:
        written = await writing.write(_task(question, found, findings), on_text)
    except ProviderError as exc:
        logger.warning("No provider could answer: %s", exc)
        found.timings["complete"] = _ms_since(started)
        failures = tuple(getattr(exc, "failures", ()))
        is_refused = question.meter.is_refused
        if found.reason != "answered":
            # A model might have been sure of it; without one a person is offered.
            reason = "budget" if is_refused else found.reason
            return replace(found, failures=failures, reason=reason)
        return replace(
            give_up(question, "budget" if is_refused else "provider_error"),
            sources=found.sources,
            threshold=found.threshold,
            query=found.query,
            retrieved=found.retrieved,
            failures=failures,
            timings=found.timings,
        )
    found.timings["complete"] = _ms_since(started)
    return _judged(question, found, written)


def _task(
    question: Question, found: Answer, findings: tuple[Finding, ...]
) -> writing.Task:
    return writing.Task(
        text="\n".join(filter(None, (question.text, question.shown)))[
            -writing.LONGEST_HISTORY :
        ],
        history=question.with_picture,
        lang=question.answer_in,
        contact=question.contact,
        business=question.business,
        assistant=question.assistant,
        prompts=question.prompts,
        findings=findings,
        sure=found.confidence or 0.0,
        threshold=found.threshold or 0.0,
        budget_s=question.budget_s,
        meter=question.meter,
    )


def _judged(question: Question, found: Answer, written: Written) -> Answer:
    """What the providers' words have made of the decision."""
    found = replace(
        found,
        reason=written.reason or "answered",
        confidence=round(written.sure, 4),
        completion=written.completion,
        failures=written.completion.failures,
    )
    if question.is_detailed:
        _tell(found, {"judgement": written.judgement, "withheld": written.detail})
    if written.reason:
        return found
    return replace(
        found,
        text=written.text,
        outcome=Message.State.ANSWERED,
        offers_person=False,
        sources=_cited_first(found.sources, written),
    )


def _cited_first(
    sources: list[dict[str, Any]], written: Written
) -> list[dict[str, Any]]:
    """The sources with those that support the answer in front, as sure as it is."""
    cited = {entry: place for place, entry in enumerate(written.cited)}
    ranked = sorted(sources, key=lambda each: cited.get(each["entry_id"], len(cited)))
    sure = round(written.sure, 4)
    return [
        each
        | {
            "confidence": sure
            if each["entry_id"] in cited
            else min(sure, each["confidence"])
        }
        for each in ranked
    ]


def _ms_since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
