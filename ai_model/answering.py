"""From what a contact wrote to what the assistant says: search, write, decide."""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import timezone

from ai_model import intent, prompts
from ai_model.confidence import confidence
from ai_model.lines import line
from ai_model.providers import chain
from ai_model.providers.base import (
    Completion,
    Finish,
    OnText,
    Passage,
    Request,
    Utterance,
)
from conversations.models import Message
from core.exceptions import ProviderError
from knowledge.text import detect_language

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from ai_model.models import Assistant
    from knowledge.index import Index, SearchResult

logger = logging.getLogger(__name__)

#: Passages that a provider gets to read.
PASSAGES = 5
#: Share of the search's belief below which a passage is left out.
LEAST_RELEVANCE = 0.001
#: Turns for the same words after which a person is called.
MOST_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that an answer depends on."""

    #: The contact's waiting messages, oldest first.
    texts: tuple[str, ...]
    #: Earlier messages, oldest first, and the contact's words at the end.
    history: tuple[Utterance, ...]
    #: Language of the contact's earlier words, and whether a person was just offered.
    lang: str
    has_offer: bool
    #: Opaque name of the contact.
    contact: str
    #: Which turn for these words this is, from 1.
    attempt: int
    business: str
    assistant: Assistant
    #: Newest text of each prompt kind.
    prompts: Mapping[str, str]
    #: What contacts on this channel may know; None: everything.
    visibilities: frozenset[str] | None
    budget_s: float

    @property
    def text(self) -> str:
        """All that waits, as one text."""
        return "\n".join(self.texts)

    @property
    def query(self) -> str:
        """What to search for: the waiting messages without their courtesies."""
        return "\n".join(each for each in self.texts if not intent.small_talk(each))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the assistant says, and how it came to it."""

    #: Empty: nothing is said.
    text: str
    outcome: Message.State
    reason: str
    lang: str
    confidence: float | None = None
    threshold: float | None = None
    sources: list[dict[str, Any]] = field(default_factory=list)
    hands_off: bool = False
    offers_person: bool = False
    query: str = ""
    retrieved: list[dict[str, Any]] = field(default_factory=list)
    completion: Completion | None = None
    failures: tuple[tuple[str, str], ...] = ()
    #: Milliseconds per step.
    timings: dict[str, int] = field(default_factory=dict)


async def answer(
    question: Question,
    find_index: Callable[[], Awaitable[Index]],
    on_text: OnText | None = None,
) -> Answer:
    """Answer, or say why a person is needed. Raises nothing that a provider does."""
    lang = detect_language(question.text) or question.lang
    early = _without_search(question, lang)
    if early is not None:
        return early
    started = time.perf_counter()
    index = await find_index()
    result = index.search(
        question.query, limit=PASSAGES, visibilities=question.visibilities
    )
    found = _found(question, lang, result)
    found.timings["retrieve"] = _ms_since(started)
    if found.reason != "answered":
        return found
    return await _write(question, found, result, on_text)


def _without_search(question: Question, lang: str) -> Answer | None:
    """What can be decided from the words and the settings alone."""
    if question.attempt > MOST_ATTEMPTS:
        return give_up(lang, "error")
    if not question.assistant.auto_response:
        return Answer(
            "", Message.State.HANDED_OVER, "auto_response_off", lang, hands_off=True
        )
    phrases = [*question.assistant.phrases, *settings.ESCALATE_TO_HUMAN_KEYWORDS]
    if any(
        intent.wants_person(each, phrases=phrases, offered=question.has_offer)
        for each in question.texts
    ):
        return give_up(lang, "asked_for_person")
    if not question.assistant.is_open(timezone.now()):
        return give_up(lang, "outside_hours")
    if not question.text.strip():
        return Answer(line("empty", lang), Message.State.ANSWERED, "empty", lang)
    if question.has_offer and intent.declines(question.texts[-1]):
        return Answer(line("declined", lang), Message.State.ANSWERED, "declined", lang)
    if not question.query:
        talk = intent.small_talk(question.texts[-1]) or "greeting"
        return Answer(line(talk, lang), Message.State.ANSWERED, "small_talk", lang)
    return None


def give_up(lang: str, reason: str, said: str = "") -> Answer:
    """Give the conversation to a person, with an honest line."""
    name = said or ("error" if reason in ("timeout", "provider_error") else reason)
    return Answer(
        line(name, lang), Message.State.HANDED_OVER, reason, lang, hands_off=True
    )


def _found(question: Question, lang: str, result: SearchResult) -> Answer:
    """The decision that the search alone allows, with the offer of a person as text."""
    sure = round(confidence(result), 4) if result.hits else 0.0
    threshold = question.assistant.effective_threshold
    reason = "answered" if sure >= threshold else "low_confidence"
    if not result.hits:
        reason = "no_results"
    return Answer(
        text=line("low_confidence", lang),
        outcome=Message.State.HANDED_OVER,
        reason=reason,
        lang=lang,
        confidence=sure,
        threshold=threshold,
        sources=_sources(result, sure),
        offers_person=True,
        query=question.query,
        retrieved=[
            {"entry_id": hit.document.entry, "score": round(hit.score, 4)}
            for hit in result.hits
        ],
    )


def _sources(result: SearchResult, sure: float) -> list[dict[str, Any]]:
    best = result.hits[0].relevance if result.hits else 1.0
    return [
        {
            "title": hit.document.title,
            # The first one's is the answer's; the others stand behind it.
            "confidence": round(min(sure, sure * hit.relevance / (best or 1.0)), 4),
            "entry_type": hit.document.entry_type,
            "entry_id": hit.document.entry,
            "revision": hit.document.revision,
        }
        for hit in result.hits
    ]


async def _write(
    question: Question, found: Answer, result: SearchResult, on_text: OnText | None
) -> Answer:
    """Let the providers write the answer from what was found."""
    # The others tell a model nothing and cost tokens.
    worth = [hit for hit in result.hits if hit.relevance > LEAST_RELEVANCE]
    passages = tuple(
        Passage(number, hit.document.title, hit.document.body, hit.document.lang)
        for number, hit in enumerate(worth or result.hits[:1], start=1)
    )
    started = time.perf_counter()
    try:
        completion = await chain.complete(
            question.assistant.chain,
            _request(question, passages),
            budget_s=question.budget_s,
            on_text=on_text,
            model_names=question.assistant.model_names,
        )
    except ProviderError as exc:
        logger.warning("No provider could answer: %s", exc)
        found.timings["complete"] = _ms_since(started)
        return replace(
            give_up(found.lang, "provider_error"),
            sources=found.sources,
            threshold=found.threshold,
            query=found.query,
            retrieved=found.retrieved,
            failures=tuple(getattr(exc, "failures", ())),
            timings=found.timings,
        )
    found.timings["complete"] = _ms_since(started)
    found = replace(found, completion=completion, failures=completion.failures)
    return _judge(found, completion, len(passages))


def _request(question: Question, passages: tuple[Passage, ...]) -> Request:
    assistant = question.assistant
    return Request(
        question=question.text,
        passages=passages,
        system=prompts.system_prompt(
            business=question.business, prompts=question.prompts, passages=passages
        ),
        utterances=question.history,
        max_tokens=assistant.max_tokens,
        temperature=assistant.temperature,
        contact_hash=hashlib.sha256(question.contact.encode()).hexdigest()[:32],
    )


def _judge(found: Answer, completion: Completion, count: int) -> Answer:
    """What a provider's words are worth."""
    if completion.finish not in (Finish.STOP, Finish.LENGTH):
        return replace(found, reason=f"provider_{completion.finish}")
    if prompts.is_no_answer(completion.text):
        return replace(found, reason="not_in_knowledge")
    text, cited = prompts.resolve_citations(completion.text, count)
    if not text:
        return replace(found, reason=f"provider_{Finish.EMPTY}")
    if completion.finish is Finish.LENGTH:
        text += "…"
    return replace(
        found,
        text=text,
        outcome=Message.State.ANSWERED,
        offers_person=False,
        sources=_cited_first(found.sources, cited),
    )


def _cited_first(
    sources: list[dict[str, Any]], cited: Sequence[int]
) -> list[dict[str, Any]]:
    first = [sources[number - 1] for number in cited]
    return first + [each for each in sources if each not in first]


def _ms_since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
