"""Asks a model to put the contact's last question into words that stand alone."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from ai_model import drafts, prompts
from ai_model.providers import chain
from ai_model.providers.base import Request, Utterance
from ai_model.writing import LOCAL, contact_hash
from core.exceptions import ProviderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ai_model.metering import Meter
    from ai_model.models import Assistant

logger = logging.getLogger(__name__)

#: Messages that the model gets to read, and of each so many letters.
_MESSAGES, _LETTERS = 6, 600
#: Longest question that is taken from it.
_LONGEST: Final = 300
_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"question": {"type": "string"}},
    "required": ["question"],
    "additionalProperties": False,
}


class Rewriter:
    """Rewrites one question, once."""

    def __init__(
        self,
        history: Sequence[Utterance],
        assistant: Assistant,
        *,
        contact: str,
        budget_s: float,
        meter: Meter,
    ) -> None:
        self._history = history
        self._assistant = assistant
        self._contact = contact
        self._budget_s = budget_s
        self._meter = meter

    async def rewrite(self) -> str:
        """The question, to be searched for; empty when no model gave one."""
        try:
            completion = await chain.complete(
                [key for key in self._assistant.chain if key != LOCAL],
                self._request(),
                budget_s=self._budget_s,
                model_names=self._assistant.model_names,
                meter=self._meter,
            )
        except ProviderError as exc:
            logger.info("No provider rewrote a question: %s", exc)
            return ""
        return drafts.only_value(completion.text, "question")[:_LONGEST]

    def _request(self) -> Request:
        said = self._history[-_MESSAGES:]
        return Request(
            question=said[-1].text if said else "",
            passages=(),
            system=prompts.REWRITE,
            utterances=tuple(
                Utterance(each.role, each.text[-_LETTERS:]) for each in said
            ),
            max_tokens=200,
            temperature=0.0,
            contact_hash=contact_hash(self._contact),
            schema=_SCHEMA,
        )
