"""Asks labelled questions the way contacts do, and tells what came of them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from ai_model import answering, intent, providers
from ai_model.exchange import Answer, Question
from ai_model.labelled import read_lines
from ai_model.metering import Meter
from ai_model.metrics import Judged, Outcome, compare_words, place
from ai_model.models import Assistant
from ai_model.selfcheck import self_check
from ai_model.usage import counted
from conversations.models import Message
from core import http
from knowledge.index import Index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from ai_model.confidence import Adjustment
    from ai_model.labelled import Business, Labelled
    from ai_model.vector_cache import VectorCache

_BUDGET_S: Final = 30.0


def ask(
    business: Business,
    vectors: VectorCache | None = None,
    on_progress: Callable[[int], None] = lambda done: None,
) -> list[Outcome]:
    """Ask every question of a business, each in a conversation of its own."""
    outcomes: list[Outcome] = []
    with asyncio.Runner() as runner:
        for each in business.rounds:
            documents = each.documents
            held = vectors.of_documents(documents) if vectors else None
            index = Index(documents, held)
            taught = business.adjustment or self_check(documents, held)
            known = {document.entry for document in documents}
            for question in each.questions:
                with counted(business.assistant) as meter:
                    asked = _ask(question.text, business, index, taught, vectors, meter)
                    answer, ms = runner.run(asked)
                outcome = _judge(question, answer, known, ms)
                if question.answers:
                    asked = _ask(question.text, _sure(business), index, taught, vectors)
                    quote, _ = runner.run(asked)
                    contains, _ = compare_words(quote.text, question.answers)
                    outcome = replace(outcome, quote_contains=contains)
                outcomes.append(outcome)
                on_progress(len(outcomes))
        runner.run(providers.aclose())
        runner.run(http.aclose())
    return outcomes


def _sure(business: Business) -> Business:
    """The business with an assistant that answers whatever it finds."""
    return replace(business, assistant=Assistant(chain=["local"], threshold=0.0))


async def _ask(
    text: str,
    business: Business,
    index: Index,
    taught: Adjustment,
    vectors: VectorCache | None,
    meter: Meter | None = None,
) -> tuple[Answer, float]:
    """The answer, and how many milliseconds it took."""

    async def find_index() -> Index:
        return index

    started = time.perf_counter()
    answer = await answering.answer(
        Question(
            texts=(text,),
            history=(),
            lang="",
            has_offer=False,
            contact="evaluation",
            attempt=1,
            business=business.name,
            assistant=business.assistant,
            prompts={},
            visibilities=frozenset({"customer"}),
            budget_s=_BUDGET_S,
            adjustment=taught,
            meter=meter or Meter(),
        ),
        find_index,
        embed_query=vectors.of_query if vectors else None,
    )
    return answer, (time.perf_counter() - started) * 1000


def _judge(
    question: Labelled, answer: Answer, known: Iterable[str], ms: float
) -> Outcome:
    is_answered = answer.outcome == Message.State.ANSWERED
    found = [str(each["entry_id"]) for each in answer.sources]
    rank, gain = place(found, question.entries)
    # As the API says it of courtesies and of requests for a person.
    sure = float(is_answered) if answer.confidence is None else answer.confidence
    contains = overlap = None
    if question.answers and answer.text:
        contains, overlap = compare_words(answer.text, question.answers)
    return Outcome(
        id=question.id,
        question=question.text,
        kind=question.kind,
        is_answerable=bool(question.entries),
        rank=rank,
        gain=gain,
        confidence=sure,
        is_answered=is_answered,
        cited=len(found),
        unknown=len(set(found).difference(known)),
        contains=contains,
        overlap=overlap,
        latency_ms=ms,
    )


def judge_handoff(path: Path) -> list[Judged]:
    """Labelled messages, and whether we think that they ask for a person."""
    return [
        Judged(
            line.get("lang", ""),
            asks=line["label"] == "handoff",
            said=intent.wants_person(line["text"]),
        )
        for line in read_lines(path, "text", "label")
    ]


# -- one run against another ---------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """Questions that went well in one of two runs only."""

    won: tuple[str, ...]
    lost: tuple[str, ...]


def compare(before: Mapping[str, bool], outcomes: Sequence[Outcome]) -> Change:
    """Which questions are good now and were not, and the reverse."""
    won: list[str] = []
    lost: list[str] = []
    for each in outcomes:
        was = before.get(each.id)
        if was is not None and was != each.is_good:
            (won if each.is_good else lost).append(each.question)
    return Change(tuple(won), tuple(lost))


def as_json(outcome: Outcome) -> dict[str, Any]:
    """One question as it is kept in a report."""
    return asdict(outcome) | {"is_right": outcome.is_right, "is_good": outcome.is_good}
