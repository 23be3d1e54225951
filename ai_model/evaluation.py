"""Asks labelled questions the way contacts do, and tells what came of them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from ai_model import answering, intent, providers
from ai_model.exchange import Answer, Question
from ai_model.metering import Meter
from ai_model.metrics import Judged, Outcome, compare_words, place
from ai_model.models import Assistant, Calibration
from ai_model.selfcheck import self_check
from ai_model.usage import counted
from conversations.models import Message
from core import http
from core.exceptions import AppError
from knowledge.chunks import chunks
from knowledge.documents import pages_of
from knowledge.index import Document, Index
from knowledge.learning import digest

if TYPE_CHECKING:
    from pathlib import Path

    from accounts.models import Account
    from ai_model.confidence import Adjustment
    from ai_model.vector_cache import VectorCache

#: Parts in which an account's own questions are taken out and asked.
PARTS: Final = 5
_BUDGET_S: Final = 30.0

#: An object of a JSONL file.
Line = dict[str, Any]


class UnreadableQuestions(AppError):
    """A folder or file of labelled questions that cannot be used."""

    code = "unreadable_questions"


@dataclass(frozen=True, slots=True)
class Model:
    """A provider's model that is to be asked."""

    provider: str
    name: str


@dataclass(frozen=True, slots=True)
class Labelled:
    """A question of which the right answer is known."""

    id: str
    text: str
    kind: str
    #: Any of these entries answers it; none: it should be handed over.
    entries: frozenset[str]
    #: Wordings of which one has to be in the answer.
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Round:
    """Questions and the knowledge they are asked against."""

    documents: tuple[Document, ...]
    questions: tuple[Labelled, ...]


@dataclass(frozen=True, slots=True)
class Business:
    """All rounds of one business in one mode."""

    name: str
    #: ``cold``: without earlier questions; ``warm``: with them.
    mode: str
    rounds: tuple[Round, ...]
    assistant: Assistant = field(default_factory=lambda: Assistant(chain=["local"]))
    #: What is known of its confidence; None: each round checks itself.
    adjustment: Adjustment | None = None

    @property
    def size(self) -> int:
        """How many questions will be asked."""
        return sum(len(each.questions) for each in self.rounds)


# -- from folders --------------------------------------------------------------


def businesses_in(folder: Path, *, cold: bool, warm: bool) -> Iterator[Business]:
    """Every business in a folder, or the folder itself if it is one.

    Raises `UnreadableQuestions` where there is none or a line cannot be read.
    """
    if not folder.is_dir():
        raise UnreadableQuestions(f"There is no folder {folder}.")
    found = [folder] if (folder / _QUESTIONS).exists() else sorted(folder.iterdir())
    found = [each for each in found if (each / _QUESTIONS).exists()]
    if not found:
        raise UnreadableQuestions(f"There is no {_QUESTIONS} in {folder} or below it.")
    for each in found:
        if cold:
            yield _business(each, "cold")
        if warm and (each / _HISTORY).exists():
            yield _business(each, "warm")


_ENTRIES, _QUESTIONS, _HISTORY = "entries.jsonl", "questions.jsonl", "history.jsonl"


def _business(folder: Path, mode: str) -> Business:
    history: Sequence[Line] = []
    if mode == "warm":
        history = read_lines(folder / _HISTORY, "question", "entry_id")
    entries = read_lines(folder / _ENTRIES, "entry_id", "title", "body")
    documents = documents_from(entries, history)
    questions = [
        Labelled(
            line["question_id"],
            line["question"],
            line.get("kind", ""),
            frozenset(line["entry_ids"]),
            tuple(line.get("answers") or ()),
        )
        for line in read_lines(
            folder / _QUESTIONS, "question_id", "question", "entry_ids"
        )
    ]
    return Business(folder.name, mode, (Round(tuple(documents), tuple(questions)),))


def documents_from(
    entries: Iterable[Line], history: Iterable[Line] = ()
) -> list[Document]:
    """What labelled entries are searched as, with earlier questions as examples."""
    #: Each wording once, as it is stored.
    examples: dict[str, dict[str, str]] = {}
    for line in history:
        known = examples.setdefault(line["entry_id"], {})
        known.setdefault(digest(line["question"]), line["question"])
    return [
        Document(
            key=key,
            entry=line["entry_id"],
            title=line["title"],
            body=body,
            lang=line.get("lang", ""),
            entry_type=line.get("entry_type", "faq"),
            revision=1,
            visibility="customer",
            examples=tuple(examples.get(line["entry_id"], {}).values()),
        )
        for key, line in enumerate(entries)
        for body in chunks(line["title"], line["body"])
    ]


def read_lines(path: Path, *required: str) -> list[Line]:
    """The objects of a JSONL file that have these fields.

    Raises `UnreadableQuestions` with the line's number.
    """
    found = []
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise UnreadableQuestions(f"{path} cannot be read: {exc}.") from exc
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
        except ValueError as exc:
            raise UnreadableQuestions(f"{path}, line {number}: not JSON.") from exc
        if not isinstance(data, dict):
            raise UnreadableQuestions(f"{path}, line {number}: not an object.")
        missing = [name for name in required if name not in data]
        if missing:
            raise UnreadableQuestions(
                f"{path}, line {number}: {', '.join(missing)} is missing."
            )
        found.append(data)
    return found


# -- from accounts -------------------------------------------------------------


def business_of(
    account: Account, model: Model | None = None, most: int = 0
) -> Business:
    """An account's own approved questions, each asked as if it were not known yet.

    The local answerer is asked, or a provider's model; `most` of them, or all.
    They are asked in parts: once without the part's questions, which the entry should
    still answer, and once without its entries too, when each should be handed over.
    Raises `UnreadableQuestions` where the account has too few of them.
    """
    documents = tuple(chain.from_iterable(pages_of(account.pk)))
    known = {
        (question, each.entry): None for each in documents for question in each.examples
    }
    if len(known) < PARTS:
        raise UnreadableQuestions(
            f"{account} has {len(known)} approved questions; {PARTS} are the least to"
            " evaluate with."
        )
    rounds: list[Round] = []
    chosen = list(known)[: most or None]
    for part in range(PARTS):
        own = chosen[part::PARTS]
        rounds += [_with_entries(documents, own), _without_entries(documents, own)]
    assistant = Assistant.objects.filter(account=account).first()
    assistant = assistant or Assistant(account=account)
    assistant.chain = [model.provider if model else "local"]
    assistant.model_names = {model.provider: model.name} if model else {}
    assistant.auto_response = True
    assistant.business_hours, assistant.special_days = {}, {}
    stored = Calibration.objects.filter(account=account).first()
    taught = stored.adjustment if stored else None
    return Business(account.name, "warm", tuple(rounds), assistant, taught)


Known = Sequence[tuple[str, str]]


def _with_entries(documents: Sequence[Document], own: Known) -> Round:
    taken = set(own)
    kept = tuple(
        replace(
            each,
            examples=tuple(q for q in each.examples if (q, each.entry) not in taken),
        )
        for each in documents
    )
    return Round(kept, tuple(_labelled("own", "customer", own, is_answerable=True)))


def _without_entries(documents: Sequence[Document], own: Known) -> Round:
    hidden = {entry for _, entry in own}
    kept = tuple(each for each in documents if each.entry not in hidden)
    return Round(kept, tuple(_labelled("hidden", "hidden", own, is_answerable=False)))


def _labelled(
    prefix: str, kind: str, own: Known, *, is_answerable: bool
) -> Iterator[Labelled]:
    for question, entry in own:
        wanted = frozenset({entry} if is_answerable else ())
        yield Labelled(f"{prefix}:{entry}:{question}", question, kind, wanted)


# -- asking --------------------------------------------------------------------


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
