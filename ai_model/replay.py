"""An account's last questions once more, as another threshold would have treated them.

Nothing is searched or written again: the stored confidences are compared anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ai_model import judging
from ai_model.models import Turn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ai_model.confidence import Adjustment

#: Questions that are replayed.
LAST = 200


@dataclass(frozen=True, slots=True)
class Replayed:
    """One question, as it was treated and as it would be."""

    turn: Turn
    #: With today's adjustment.
    confidence: float
    was_answered: bool
    is_answered: bool
    #: None: nobody has judged it.
    right: bool | None

    @property
    def has_changed(self) -> bool:
        """Whether it would be treated otherwise."""
        return self.was_answered != self.is_answered


@dataclass(frozen=True, slots=True)
class Past:
    """What became of the last questions."""

    answered: int
    handed_over: int
    judged: int
    wrong: int


@dataclass(frozen=True, slots=True)
class Replay:
    """The last questions at one threshold."""

    threshold: float
    rows: Sequence[Replayed]

    @property
    def answered(self) -> int:
        """Questions that would be answered."""
        return sum(each.is_answered for each in self.rows)

    @property
    def handed_over(self) -> int:
        """Questions for which a person would be offered."""
        return len(self.rows) - self.answered

    @property
    def judged(self) -> int:
        """Answers of which somebody has said whether they are right."""
        return sum(each.is_answered and each.right is not None for each in self.rows)

    @property
    def wrong(self) -> int:
        """Answers that are known to be wrong."""
        return sum(each.is_answered and each.right is False for each in self.rows)

    @property
    def past(self) -> Past:
        """The same figures as they really were."""
        given = [each.right for each in self.rows if each.was_answered]
        return Past(
            answered=len(given),
            handed_over=len(self.rows) - len(given),
            judged=sum(right is not None for right in given),
            wrong=sum(right is False for right in given),
        )

    @property
    def changed(self) -> list[Replayed]:
        """What would be treated otherwise than it was."""
        return [each for each in self.rows if each.has_changed]


def replay(account_id: int, threshold: float, adjustment: Adjustment) -> Replay:
    """The account's last questions at this threshold, newest first."""
    turns = judging.judgeable(account_id).select_related("judgement").order_by("-pk")
    return Replay(
        threshold, [_replayed(row, threshold, adjustment) for row in turns[:LAST]]
    )


def _replayed(turn: Turn, threshold: float, adjustment: Adjustment) -> Replayed:
    sure = turn.confidence or 0.0
    if turn.raw_confidence is not None:
        sure = round(adjustment.apply(turn.raw_confidence), 4)
    judgement = getattr(turn, "judgement", None)
    return Replayed(
        turn=turn,
        confidence=sure,
        was_answered=turn.state == Turn.State.ANSWERED,
        is_answered=sure >= threshold,
        right=judgement.right if judgement else None,
    )
