"""What a customer of Meta's may press under a message, and what a press says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from integrations.adapters.inbound import InboundRating

if TYPE_CHECKING:
    from integrations.adapters.base import Outbound

_RATINGS: Final = {"helpful": "👍", "unhelpful": "👎"}


def buttons(outbound: Outbound) -> list[tuple[str, str]]:
    """Title and payload of each button."""
    if outbound.is_rateable:
        return [
            (sign, f"{kind}:{outbound.reference}") for kind, sign in _RATINGS.items()
        ]
    return [(each, f"say:{each}") for each in outbound.choices]


def rating_of(conversation: str, payload: str) -> InboundRating | None:
    """The rating that a payload is; None: it is none."""
    kind, _colon, reference = payload.partition(":")
    if kind not in _RATINGS or not reference:
        return None
    return InboundRating(conversation, reference, is_helpful=kind == "helpful")
