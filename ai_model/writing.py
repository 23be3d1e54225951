"""Lets the providers write an answer from what was found, and checks what they write."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ai_model import drafts, judgement, prompts, providers
from ai_model.grounding import Grounds, Verdict
from ai_model.providers import chain
from ai_model.providers.base import Finish, Passage, Request, Utterance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ai_model.drafts import Draft
    from ai_model.finding import Finding
    from ai_model.metering import Meter
    from ai_model.models import Assistant
    from ai_model.providers.base import Completion, OnText
    from knowledge.index import Hit

#: Passages that a provider gets to read.
PASSAGES: Final = 5
#: Share of the search's belief below which a passage is left out.
LEAST_RELEVANCE: Final = 0.001
#: Longest passage, history and question that a provider gets, in characters.
LONGEST_PASSAGE: Final = 6000
LONGEST_HISTORY: Final = 8000
#: Letters after which an answer that is being written is looked at again.
_STEP: Final = 24
#: The provider that only copies from the passages, so that nothing need be checked.
LOCAL: Final = "local"


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be written."""

    #: The contact's words that wait.
    text: str
    history: tuple[Utterance, ...]
    lang: str
    contact: str
    business: str
    assistant: Assistant
    prompts: Mapping[str, str]
    findings: tuple[Finding, ...]
    #: Of all findings together.
    sure: float
    threshold: float
    budget_s: float
    meter: Meter


@dataclass(frozen=True, slots=True)
class Written:
    """What came of it."""

    completion: Completion
    #: Empty: the text may be given; else why it may not.
    reason: str
    text: str = ""
    #: The confidence, with the model's own judgement.
    sure: float = 0.0
    judgement: float | None = None
    #: Entries that the answer rests on, in its order.
    cited: tuple[str, ...] = ()
    #: What exactly the checks found wrong.
    detail: str = ""


def has_model(assistant: Assistant) -> bool:
    """Whether anybody but the local answerer could write."""
    return any(each.key != LOCAL for each in providers.usable(assistant.chain))


async def write(task: Task, on_text: OnText | None) -> Written:
    """Have it written and check it; raises ProviderError when nobody could."""
    passages, entries = _passages(task.findings)
    said = [task.text, *(each.text for each in task.history if each.role == "user")]
    grounds = Grounds(passages, task.prompts, "\n".join(said), task.lang)
    screen = _Screen(on_text, task, grounds) if on_text is not None else None
    # The local answerer cannot tell more than the search did.
    keys = [
        key for key in task.assistant.chain if key != LOCAL or _is_sure(task, task.sure)
    ]
    completion = await chain.complete(
        keys,
        _request(task, passages),
        budget_s=task.budget_s,
        on_text=screen.take if screen is not None else None,
        model_names=task.assistant.model_names,
        meter=task.meter,
    )
    written = _judge(task, completion, grounds, entries)
    if written.reason and screen is not None:
        screen.clear()
    return written


def _is_sure(task: Task, sure: float) -> bool:
    return sure >= task.threshold


def _passages(findings: Sequence[Finding]) -> tuple[tuple[Passage, ...], list[str]]:
    """What is worth reading, and the entries it is from; passages count from 1."""
    hits: dict[str, Hit] = {}
    # The first of each finding, then the second of each, and so on.
    for rank in range(PASSAGES):
        for finding in findings:
            for hit in finding.hits[rank : rank + 1]:
                # The others tell a model nothing and cost tokens.
                if hit.relevance > LEAST_RELEVANCE or rank == 0:
                    hits.setdefault(hit.document.entry, hit)
    chosen = list(hits.values())[:PASSAGES]
    passages = tuple(
        Passage(
            number, hit.document.title, _readable(hit.document.body), hit.document.lang
        )
        for number, hit in enumerate(chosen, start=1)
    )
    return passages, [hit.document.entry for hit in chosen]


def _readable(body: str) -> str:
    return prompts.visible(body[: 2 * LONGEST_PASSAGE])[:LONGEST_PASSAGE]


def _request(task: Task, passages: tuple[Passage, ...]) -> Request:
    numbers = range(1, len(task.findings) + 1)
    several = len(task.findings) > 1
    queries = [finding.query for finding in task.findings]
    return Request(
        question=task.text,
        passages=passages,
        system=prompts.system_prompt(
            business=task.business,
            prompts=task.prompts,
            passages=passages,
            lang=task.lang,
            tone=task.assistant.tone,
        ),
        utterances=_recent(task.history),
        max_tokens=task.assistant.max_tokens,
        temperature=task.assistant.temperature,
        contact_hash=contact_hash(task.contact),
        schema=drafts.SCHEMA,
        asked=tuple(zip(queries, numbers, strict=True)) if several else (),
    )


def contact_hash(contact: str) -> str:
    """An opaque name of the contact, for a provider."""
    return hashlib.sha256(contact.encode()).hexdigest()[:32]


def _recent(history: Iterable[Utterance]) -> tuple[Utterance, ...]:
    """The newest part of the conversation that is short enough."""
    kept: list[Utterance] = []
    room = LONGEST_HISTORY
    for said in reversed(tuple(history)):
        if room <= 0:
            break
        kept.insert(0, replace(said, text=prompts.shaped(said.text[-room:])))
        room -= len(said.text)
    return tuple(kept)


def _judge(
    task: Task, completion: Completion, grounds: Grounds, entries: Sequence[str]
) -> Written:
    """What a provider's words are worth."""
    if completion.finish not in (Finish.STOP, Finish.LENGTH):
        return Written(completion, f"provider_{completion.finish}", sure=task.sure)
    is_cut = completion.finish is Finish.LENGTH
    if completion.provider == LOCAL:
        text = completion.text + ("…" if is_cut else "")
        cited = entries[: len(task.findings)]
        return Written(completion, "", text, task.sure, cited=tuple(cited))
    draft = drafts.read(completion.text)
    if is_cut:
        draft = replace(draft, text=_settled(draft.text))
    reason, verdict = _check(task, grounds, draft)
    return Written(
        completion,
        reason,
        draft.text + ("…" if is_cut else ""),
        judgement.weigh(task.sure, draft.judgement),
        draft.judgement,
        tuple(entries[number - 1] for number in verdict.cited if number),
        verdict.detail,
    )


def _check(task: Task, grounds: Grounds, draft: Draft) -> tuple[str, Verdict]:
    """Why a draft may not be given, or nothing."""
    if draft.judgement is not None and draft.judgement < judgement.EVEN:
        return "not_in_knowledge", Verdict("")
    if not draft.text:
        return f"provider_{Finish.EMPTY}", Verdict("")
    verdict = grounds.judge(draft)
    is_sure = _is_sure(task, judgement.weigh(task.sure, draft.judgement))
    return verdict.reason or ("" if is_sure else "low_confidence"), verdict


def _settled(text: str) -> str:
    """Without a last word that may not be all there, nor numbers that may go on."""
    return _UNSETTLED.sub("", text)


_UNSETTLED = re.compile(r"(?:\s+\S*\d\S*)*(?:\s+\S*|\A\S*)\Z")


class _Screen:
    """Shows an answer while it is written, as far as it would be given.

    The evidence comes first, so nothing is shown of an answer that has none; one that
    goes wrong later is taken back.
    """

    def __init__(self, on_text: OnText, task: Task, grounds: Grounds) -> None:
        self._on_text = on_text
        self._task = task
        self._grounds = grounds
        self._raw = ""
        self._shown = ""
        self._looked_at = 0
        self._is_void = False

    def take(self, piece: str | None) -> None:
        """Take the next piece; None: the answer starts again, or there is none."""
        if piece is None:
            self._raw, self._looked_at, self._is_void = "", 0, False
            self.clear()
            return
        self._raw += piece
        # To look at every letter would cost more than it shows.
        if self._is_void or len(self._raw) - self._looked_at < _STEP:
            return
        self._looked_at = len(self._raw)
        draft = drafts.begun(self._raw)
        if draft is not None:
            self._show(replace(draft, text=_settled(draft.text)))

    def clear(self) -> None:
        """Take back what was shown."""
        if self._shown:
            self._shown = ""
            self._on_text(None)

    def _show(self, draft: Draft) -> None:
        if not draft.text or draft.text == self._shown:
            return
        reason, _ = _check(self._task, self._grounds, draft)
        if reason or not draft.text.startswith(self._shown):
            self._is_void = True
            self.clear()
            return
        piece, self._shown = draft.text[len(self._shown) :], draft.text
        self._on_text(piece)
