"""What a model may know of the contact beside their words: what the CRM says of them."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ai_model.prompts import ABOUT
from core.exceptions import ProviderError

if TYPE_CHECKING:
    from ai_model.claiming import Claim
    from ai_model.exchange import Question

logger = logging.getLogger(__name__)

#: Seconds for which an answer waits for it.
_PATIENCE_S: Final = 3.0


async def known_of(question: Question, claimed: Claim) -> Question:
    """The question with what the provider tells; without it where that fails."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            found = await claimed.adapter.about(claimed.address)
    except (ProviderError, TimeoutError) as exc:
        logger.info("Nothing is known of %s: %r", claimed.conversation_id, exc)
        return question
    lines = "\n".join(f"{name}: {value}" for name, value in found.items())
    return replace(question, prompts={**question.prompts, ABOUT: lines})
