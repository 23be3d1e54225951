"""What the assistant is told, what it did, what it could not do and what it learned."""

from ai_model.models.assistant import Assistant, default_chain
from ai_model.models.calibration import Calibration, Judgement
from ai_model.models.gap import Gap, GapFeed, GapQuerySet, GapQuestion, QuestionRun
from ai_model.models.prompt import Prompt, PromptDraft
from ai_model.models.selftest import ProviderTest
from ai_model.models.spending import Price, Reservation, SpendingNotice
from ai_model.models.sunset import ModelWarning
from ai_model.models.tally import MonthTally, Tally, TallyFeed
from ai_model.models.turn import Turn, Usage

__all__ = [
    "Assistant",
    "Calibration",
    "Gap",
    "GapFeed",
    "GapQuerySet",
    "GapQuestion",
    "Judgement",
    "ModelWarning",
    "MonthTally",
    "Price",
    "Prompt",
    "PromptDraft",
    "ProviderTest",
    "QuestionRun",
    "Reservation",
    "SpendingNotice",
    "Tally",
    "TallyFeed",
    "Turn",
    "Usage",
    "default_chain",
]
