"""Asking a model to write something that is not an answer, in the background."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import orjson

from ai_model import pricing, providers, spending, usage
from ai_model.control import model_of
from ai_model.metering import Meter
from ai_model.providers import chain
from ai_model.providers.base import Finish, Request, Utterance
from core import http
from core.exceptions import ProviderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ai_model.models import Assistant
    from ai_model.providers.base import Completion, Provider

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


def can_write(assistant: Assistant) -> bool:
    """Whether the account has a model that writes, and may spend something on it."""
    return bool(_models_of(assistant)) and not spending.is_over(assistant)


def write(orders: Sequence[Order], assistant: Assistant) -> list[Any | None]:
    """For each order the JSON that a model wrote, or None; every call is counted.

    Blocks until all are written, `AT_ONCE` at a time.
    """
    jobs = [_job(each, assistant) for each in orders]
    try:
        written = http.run(_write_all(_admitted(jobs, assistant), assistant))
    finally:
        usage.settle(meter for _request, meter in jobs)
    return [_said(written.get(meter)) for _request, meter in jobs]


#: What is asked, and the meter on which that counts.
_Job = tuple[Request, Meter]


def _job(order: Order, assistant: Assistant) -> _Job:
    request = Request(
        question=order.wanted,
        passages=(),
        system=order.system,
        utterances=(Utterance("user", order.wanted),),
        max_tokens=_MAX_TOKENS,
        temperature=_TEMPERATURE,
    )
    return request, Meter(assistant.account_id)


def _models_of(assistant: Assistant) -> list[Provider]:
    return [each for each in providers.usable(assistant.chain) if each.key != "local"]


def _admitted(jobs: Sequence[_Job], assistant: Assistant) -> list[_Job]:
    """Those that may be done, reserved for as if the dearest model were asked."""
    models = _models_of(assistant)
    if not assistant.spending_limits or not models:
        return list(jobs)
    asked = [(each.key, model_of(assistant, each)) for each in models]
    dearest = max(asked, key=_price)
    granted = spending.reserve([meter.wish(*dearest, each) for each, meter in jobs])
    return [job for job, is_granted in zip(jobs, granted, strict=True) if is_granted]


def _price(model: tuple[str, str]) -> Decimal:
    """What a token read and one written cost; 0 where that is not known."""
    rate = pricing.rate(*model)
    return rate.price_in + rate.price_out if rate else Decimal(0)


async def _write_all(
    jobs: Sequence[_Job], assistant: Assistant
) -> dict[Meter, Completion | None]:
    turnstile = asyncio.Semaphore(AT_ONCE)

    async def one(job: _Job) -> Completion | None:
        async with turnstile:
            return await _write(job, assistant)

    try:
        written = await asyncio.gather(*(one(each) for each in jobs))
    finally:
        await providers.aclose()
    return {meter: each for (_, meter), each in zip(jobs, written, strict=True)}


async def _write(job: _Job, assistant: Assistant) -> Completion | None:
    request, meter = job
    try:
        return await chain.complete(
            [each.key for each in _models_of(assistant)],
            request,
            budget_s=BUDGET_S,
            model_names=assistant.model_names,
            meter=meter,
        )
    except ProviderError:
        return None


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
