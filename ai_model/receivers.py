"""What the apps below ask of this one, and tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.dispatch import receiver

from ai_model import handling, judging, spending, usage, why
from ai_model.models import GapQuestion, Turn
from conversations.signals import (
    answer_rated,
    handler_wanted,
    measures_wanted,
    words_forgotten,
)
from knowledge.signals import encoding_wanted, texts_encoded

if TYPE_CHECKING:
    from conversations.models import Message


@receiver(handler_wanted)
def choose_handler(accounts: set[int], **_: Any) -> dict[int, str]:
    return handling.reasons_for_people(accounts)


@receiver(measures_wanted)
def measure(question: Message, **_: Any) -> dict[str, Any]:
    return why.measures(question)


@receiver(answer_rated)
def judge(message: Message, *, is_right: bool, **_: Any) -> None:
    judging.judge_answer(message=message, is_right=is_right)


@receiver(words_forgotten)
def forget(conversations: list[int], **_: Any) -> None:
    Turn.objects.filter(conversation__in=conversations).update(query="", retrieved=[])
    GapQuestion.objects.filter(turn__conversation__in=conversations).delete()


@receiver(encoding_wanted)
def admit_encoding(account_id: int, **_: Any) -> bool:
    return spending.admits(account_id)


@receiver(texts_encoded)
def count_encoding(
    account_id: int, provider: str, model: str, tokens: int, latency_ms: int, **_: Any
) -> None:
    usage.count_encoding(account_id, provider, model, tokens, latency_ms)
