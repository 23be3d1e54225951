"""Questions of which the right answers are known, from folders and from accounts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from ai_model.models import Assistant, Calibration
from core.exceptions import AppError
from knowledge.chunks import chunks
from knowledge.documents import pages_of
from knowledge.index import Document
from knowledge.learning import digest

if TYPE_CHECKING:
    from pathlib import Path

    from accounts.models import Account
    from ai_model.confidence import Adjustment

#: An object of a JSONL file.
Line = dict[str, Any]
#: Parts in which an account's own questions are taken out and asked.
PARTS: Final = 5


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
