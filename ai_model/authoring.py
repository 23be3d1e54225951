"""Asking a model to write something that is not an answer, in the background."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from ai_model import providers
from ai_model.providers import chain
from ai_model.providers.base import Finish, Request, Utterance
from ai_model.usage import count_call
from core import http
from core.exceptions import ProviderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ai_model.models import Assistant
    from ai_model.providers.base import Completion

#: Seconds that one text may take.
BUDGET_S: Final = 30.0
#: Texts that are written at the same time.
AT_ONCE: Final = 5
_MAX_TOKENS: Final = 1_200
_TEMPERATURE: Final = 0.4


@dataclass(frozen=True, slots=True)
class Order:
    """What a model is to write, as JSON."""

    #: Rules, and the material as marked data.
    system: str
    #: One line that says what is wanted.
    wanted: str


@dataclass(frozen=True, slots=True)
class _Outcome:
    completion: Completion | None
    #: Providers that failed, as (key, error code).
    failures: tuple[tuple[str, str], ...]
    took_ms: int


def can_write(assistant: Assistant) -> bool:
    """Whether the account has a model that writes."""
    return bool(_models_of(assistant))


def write(orders: Sequence[Order], assistant: Assistant) -> list[Any | None]:
    """For each order the JSON that a model wrote, or None; every call is counted.

    Blocks until all are written, `AT_ONCE` at a time.
    """
    outcomes = http.run(_write_all(orders, assistant))
    for each in outcomes:
        count_call(
            account_id=assistant.account_id,
            completion=each.completion,
            failures=each.failures,
            latency_ms=each.took_ms,
        )
    return [_said(each.completion) for each in outcomes]


def _models_of(assistant: Assistant) -> list[str]:
    usable = providers.usable(assistant.chain)
    return [each.key for each in usable if each.key != "local"]


async def _write_all(orders: Sequence[Order], assistant: Assistant) -> list[_Outcome]:
    turnstile = asyncio.Semaphore(AT_ONCE)

    async def one(order: Order) -> _Outcome:
        async with turnstile:
            return await _write(order, assistant)

    try:
        return list(await asyncio.gather(*(one(each) for each in orders)))
    finally:
        await providers.aclose()


async def _write(order: Order, assistant: Assistant) -> _Outcome:
    started = time.perf_counter()
    completion: Completion | None = None
    try:
        completion = await chain.complete(
            _models_of(assistant),
            Request(
                question=order.wanted,
                passages=(),
                system=order.system,
                utterances=(Utterance("user", order.wanted),),
                max_tokens=_MAX_TOKENS,
                temperature=_TEMPERATURE,
            ),
            budget_s=BUDGET_S,
            model_names=assistant.model_names,
        )
        failures = completion.failures
    except ProviderError as exc:
        failures = tuple(getattr(exc, "failures", ()))
    took_ms = round((time.perf_counter() - started) * 1000)
    return _Outcome(completion, failures, took_ms)


def _said(completion: Completion | None) -> Any | None:
    if completion is None or completion.finish is not Finish.STOP:
        return None
    return read_json(completion.text)


def read_json(text: str) -> Any | None:
    """The JSON that a text consists of, also inside a code fence; None for others."""
    lines = text.strip().splitlines()
    if len(lines) > 1 and lines[0].startswith("```") and lines[-1].strip() == "```":
        lines = lines[1:-1]
    try:
        return orjson.loads("\n".join(lines))
    except orjson.JSONDecodeError:
        return None
