"""Has a model put pictures and recordings into words, before anything is searched.

What comes of it is the contact's question, answered from the knowledge like any other.
The bytes are fetched only where a model of the account can be given them, and live for
that one call.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Self

from ai_model import drafts, prompts, providers
from ai_model.providers import chain
from ai_model.providers.base import Media, Request, Utterance
from ai_model.writing import contact_hash
from core.exceptions import ProviderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ai_model.exchange import Question
    from ai_model.metering import Meter
    from ai_model.models import Assistant
    from integrations.adapters.inbound import Attachment

logger = logging.getLogger(__name__)

#: Gets the bytes of an attachment, at most so many; see `Adapter.fetch`.
Fetch = Callable[..., Awaitable[bytes]]

#: Attachments of one turn that are read, and bytes of each: together they stay below
#: what a request of the smallest provider may hold.
MOST: Final = 3
LARGEST: Final = 4 * 1024 * 1024
#: Share of the turn's time that reading may take.
_SHARE: Final = 0.4
#: Letters that are taken of what was made out, and tokens to write them.
_LONGEST: Final = 1500
_TOKENS: Final = 900
#: Letters of the contact's own words that go with a picture.
_LETTERS: Final = 600
#: By their first bytes, not by what somebody says of them.
_TYPES: Final = {
    "image": (
        (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
        (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
        (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "image/webp"),
    ),
    "voice": (
        (re.compile(rb"OggS"), "audio/ogg"),
        (re.compile(rb"ID3|\xff[\xfb\xf3\xf2]"), "audio/mp3"),
        (re.compile(rb"RIFF.{4}WAVE", re.DOTALL), "audio/wav"),
        (re.compile(rb"\xff[\xf1\xf9]"), "audio/aac"),
        (re.compile(rb"fLaC"), "audio/flac"),
    ),
}


@dataclass(frozen=True, slots=True)
class Look:
    """What was done with one attachment."""

    kind: str
    #: `read`, or why not: `no_reader`, `too_many`, `too_large`, `not_fetched`,
    #: `other_type`, `not_made_out`.
    outcome: str
    #: Provider and model that read it.
    by: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """What the attachments of a turn come down to."""

    #: What the contact says in recordings.
    spoken: str = ""
    #: What pictures show.
    shown: str = ""
    looks: tuple[Look, ...] = ()


async def into_words(
    question: Question, fetch: Fetch
) -> tuple[Question, tuple[Look, ...]]:
    """The question with what its attachments say, and what was done with each."""
    started = time.monotonic()
    words = await Reader.of(question, fetch).read(question.attachments)
    left_s = question.budget_s - (time.monotonic() - started)
    question = replace(question, budget_s=left_s)
    if not words.spoken and not words.shown:
        return question, words.looks
    spoken = (words.spoken,) if words.spoken else ()
    said = (each for each in question.history if each.text.strip())
    question = replace(
        question,
        texts=(*(each for each in question.texts if each.strip()), *spoken),
        history=(*said, *(Utterance("user", each) for each in spoken)),
        shown=words.shown,
    )
    return question, words.looks


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads what came with one contact's words."""

    assistant: Assistant
    fetch: Fetch
    meter: Meter
    #: The contact's own words, which say what a picture is about.
    text: str
    lang: str
    contact: str
    budget_s: float

    @classmethod
    def of(cls, question: Question, fetch: Fetch) -> Self:
        """The reader of what came with this question."""
        return cls(
            question.assistant,
            fetch,
            question.meter,
            text=question.text.strip(),
            lang=question.asked_in,
            contact=question.contact,
            budget_s=question.budget_s * _SHARE,
        )

    async def read(self, attachments: Sequence[Attachment]) -> Words:
        """Put them into words; says of each why it could not be. Raises nothing."""
        found = await asyncio.gather(
            *(
                self._read_kind(
                    kind, [each for each in attachments if each.kind == kind]
                )
                for kind in dict.fromkeys(each.kind for each in attachments)
            )
        )
        texts = {looks[0].kind: text for text, looks in found}
        return Words(
            texts.get("voice", ""),
            texts.get("image", ""),
            tuple(look for _, looks in found for look in looks),
        )

    async def _read_kind(
        self, kind: str, attachments: Sequence[Attachment]
    ) -> tuple[str, list[Look]]:
        readers = self._readers(kind)
        if not readers:
            return "", [Look(kind, "no_reader") for _ in attachments]
        fetched = await asyncio.gather(*map(self._fetch, attachments[:MOST]))
        refused = [Look(kind, each) for each in fetched if isinstance(each, str)]
        refused += [Look(kind, "too_many") for _ in attachments[MOST:]]
        media = [each for each in fetched if isinstance(each, Media)]
        if not media:
            return "", refused
        text, by = await self._ask(kind, readers, media)
        look = Look(kind, "read", by) if text else Look(kind, "not_made_out", by)
        return text, [look] * len(media) + refused

    def _readers(self, kind: str) -> list[str]:
        """Providers whose model can be given this."""
        names = self.assistant.model_names
        return [
            each.key
            for each in providers.usable(self.assistant.chain)
            if kind in each.reads(names.get(each.key) or each.default_model())
        ]

    async def _fetch(self, attachment: Attachment) -> Media | str:
        """What it is, or why it cannot be read."""
        if attachment.size > LARGEST:
            return "too_large"
        try:
            content = await self.fetch(attachment, most=LARGEST)
        except ProviderError as exc:
            logger.info("An attachment could not be fetched: %s", exc.code)
            return "too_large" if exc.code == "answer_too_large" else "not_fetched"
        except Exception:
            # Whatever an adapter comes up with, the words beside it are answered.
            logger.exception("An adapter broke over an attachment")
            return "not_fetched"
        for first, content_type in _TYPES[attachment.kind]:
            if first.match(content):
                return Media(content_type, content)
        return "other_type"

    async def _ask(
        self, kind: str, readers: Sequence[str], media: Sequence[Media]
    ) -> tuple[str, str]:
        """What the first of them makes of it, and who that was."""
        try:
            done = await chain.complete(
                readers,
                self._request(kind, media),
                budget_s=self.budget_s,
                model_names=self.assistant.model_names,
                meter=self.meter,
            )
        except ProviderError as exc:
            logger.info("No provider read an attachment: %s", exc)
            return "", ""
        text = prompts.shaped(drafts.only_value(done.text, "text"))[:_LONGEST].strip()
        return text, f"{done.provider} {done.model}".strip()

    def _request(self, kind: str, media: Sequence[Media]) -> Request:
        return Request(
            question=self.text,
            passages=(),
            system=prompts.reading(kind, self.lang),
            utterances=(Utterance("user", self.text[-_LETTERS:] or "."),),
            max_tokens=_TOKENS,
            temperature=0.0,
            contact_hash=contact_hash(self.contact),
            schema=_SCHEMA,
            media=tuple(media),
        )


_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
    "additionalProperties": False,
}
