"""What one turn works with: the question and all that it hangs on, and the answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ai_model import intent, prompts
from ai_model.confidence import NEUTRAL, Adjustment
from ai_model.lines import line
from ai_model.metering import Meter
from ai_model.providers.base import Utterance
from knowledge.text import detect_language

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ai_model.attachments import Fetch, Look
    from ai_model.models import Assistant
    from ai_model.providers.base import Completion
    from conversations.models import Message
    from conversations.verification import Standing
    from integrations.adapters.inbound import Attachment

#: Earlier questions that one may lean on.
MOST_BEFORE = 3


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that an answer depends on."""

    #: The contact's waiting messages, oldest first.
    texts: tuple[str, ...]
    #: What came with them beside words.
    attachments: tuple[Attachment, ...] = field(default=(), kw_only=True)
    #: What pictures among it show, once somebody has looked; data like all that
    #: contacts send, and nothing that they said.
    shown: str = field(default="", kw_only=True)
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
    #: What the account's knowledge and judgements taught about its confidence.
    adjustment: Adjustment = NEUTRAL
    #: The assistant has greeted in this conversation before.
    is_greeted: bool = False
    #: Whoever shows the answer offers a ticket then, as CRMs do.
    client_offers: bool = False
    #: Whether the answer is to tell all that was measured on its way.
    is_detailed: bool = False
    #: Counts the calls of models, and may refuse them.
    meter: Meter = field(default_factory=Meter)
    #: How far a contact is who has to prove an address first; None: answer them.
    standing: Standing | None = None
    #: Gets the bytes of an attachment; None: nobody can here.
    fetch: Fetch | None = None

    @property
    def text(self) -> str:
        """All that waits, as one text."""
        return "\n".join(self.texts)

    @property
    def asked_in(self) -> str:
        """Language of the contact's words, as a code; empty while unknown."""
        return detect_language(self.text) or self.lang

    @property
    def answer_in(self) -> str:
        """Language of the answer, as the account wants it."""
        return self.assistant.language_for(self.asked_in)

    @property
    def with_picture(self) -> tuple[Utterance, ...]:
        """The history, with what the contact's pictures show at its end."""
        if not self.shown:
            return self.history
        return (*self.history, Utterance("user", prompts.picture(self.shown)))

    def line(self, name: str) -> str:
        """One of our own lines, in the language and the tone of the answer."""
        return line(name, self.answer_in, self.assistant.tone)

    @property
    def before(self) -> tuple[str, ...]:
        """The contact's earlier questions, oldest first."""
        earlier = [each.text for each in self.history if each.role == "user"]
        earlier = earlier[: len(earlier) - len(self.texts)][-MOST_BEFORE:]
        return tuple(each for each in earlier if not intent.small_talk(each))


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
    #: A person should look at it, although the assistant goes on.
    needs_person: bool = False
    #: What `text` begins with, as the first reply of its conversation.
    preamble: str = ""
    #: Where a link is sent that verifies the address; empty: nowhere.
    link_to: str = ""
    query: str = ""
    retrieved: list[dict[str, Any]] = field(default_factory=list)
    completion: Completion | None = None
    failures: tuple[tuple[str, str], ...] = ()
    #: What was done with what came beside words.
    looks: tuple[Look, ...] = ()
    #: Milliseconds per step.
    timings: dict[str, int] = field(default_factory=dict)
