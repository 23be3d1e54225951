"""The contract of a provider: one request in, one completion out."""

from __future__ import annotations

import base64
import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ai_model.providers import models

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

#: Called with each new piece of text while the answer is being written, and with None
#: when what was handed out so far no longer counts and the answer starts again.
OnText = Callable[[str | None], None]


class Finish(enum.StrEnum):
    """Why the provider stopped writing."""

    STOP = "stop"
    #: Cut at `max_tokens`; the text is there but incomplete.
    LENGTH = "length"
    #: Refused by the provider's own safety rules; there is no text.
    BLOCKED = "blocked"
    #: The provider said it was done and gave nothing.
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of the account's knowledge, offered to the provider as data."""

    #: The number by which an answer cites it, from 1.
    number: int
    title: str
    text: str
    lang: str = ""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One earlier message of the conversation."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Media:
    """A picture or a recording, offered to the provider as data."""

    content_type: str
    content: bytes = field(repr=False)

    @property
    def encoded(self) -> str:
        """Its bytes as JSON carries them."""
        return base64.b64encode(self.content).decode()


@dataclass(frozen=True, slots=True)
class Request:
    """What a provider is asked to write."""

    #: The contact's question, on its own; the last of `utterances` holds it too.
    question: str
    #: Best first.
    passages: tuple[Passage, ...]
    #: Instructions with the marked passages, made by `prompts.py`.
    system: str
    #: The conversation, oldest first, ending with the contact's words.
    utterances: tuple[Utterance, ...]
    #: Empty: the provider's default.
    model: str = ""
    max_tokens: int = 800
    #: 0 to 1; left out where the model does not take it.
    temperature: float = 0.2
    timeout_s: float = 30.0
    #: An opaque, hashed name of the contact for the provider's abuse detection.
    contact_hash: str = ""
    #: JSON Schema of what is to be written, for who can hold to one; None: plain text.
    schema: Mapping[str, Any] | None = None
    #: Numbers of the passages to quote, for the local answerer, with what each is to
    #: answer; empty: the first one, and the question.
    asked: tuple[tuple[str, int], ...] = ()
    #: What goes with the last of `utterances`; only for models that read its kind.
    media: tuple[Media, ...] = ()


@dataclass(frozen=True, slots=True)
class Completion:
    """What a provider wrote, and what it took."""

    text: str
    finish: Finish
    #: Key of the provider that wrote it, and the model as the provider named it.
    provider: str
    model: str
    tokens_in: int = 0
    tokens_out: int = 0
    #: The provider's own id of the call, for its support.
    request_id: str = ""
    #: Providers that were tried before, as (key, error code), oldest first.
    failures: tuple[tuple[str, str], ...] = field(default=())


class Provider:
    """Base of all providers. Raises only `core.exceptions.ProviderError`."""

    key: ClassVar[str]
    label: ClassVar[StrOrPromise]

    def is_configured(self) -> bool:
        """Whether the installation has what this provider needs."""
        raise NotImplementedError

    def default_model(self) -> str:
        """The model that is asked where an account names none; empty: there are none."""
        return ""

    def reads(self, model: str) -> frozenset[str]:
        """What a model can be given beside text: `image`, `voice`."""
        known = models.lookup(self.key, model)
        return known.reads if known is not None else frozenset()

    def credentials(self) -> str:
        """An opaque name of the key in use, so that a new key starts afresh."""
        return ""

    def prepare(self) -> None:
        """Load what the first call needs; takes up to a second, so not on the loop."""

    async def complete(
        self, request: Request, on_text: OnText | None = None
    ) -> Completion:
        """Write an answer; with `on_text`, hand out each piece as it comes.

        Makes one attempt within `request.timeout_s`; raises ProviderError. Never calls
        `on_text` with None: starting again is the chain's business.
        """
        raise NotImplementedError

    async def check(self, timeout_s: float) -> None:
        """Make the cheapest call that proves the provider works; raise if not."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Close what the running loop keeps open."""
