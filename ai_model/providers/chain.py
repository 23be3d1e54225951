"""Asks an account's providers one after the other until one has written an answer.

This is the one place where model calls are repeated: once per provider, on a temporary
error, while the time allows it and nothing was shown yet. A provider that keeps failing
is left alone for a while by its circuit breaker, which this process keeps in memory.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ai_model import providers
from ai_model.metering import LIMIT_REACHED, Call, Meter
from ai_model.providers import trouble
from ai_model.providers.base import Finish
from core.breaker import Breaker
from core.exceptions import (
    PermanentProviderError,
    ProviderError,
    TemporaryProviderError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ai_model.providers.base import Completion, OnText, Provider, Request

logger = logging.getLogger(__name__)

#: Kept free for the local answerer, which needs milliseconds.
LOCAL_RESERVE_S: Final = 1.0
#: A provider that has less time than this is not worth asking.
_SHORTEST_S: Final = 0.1
_RETRY_AFTER_S: Final = 0.1
#: A provider that hangs leaves the rest of the time to the next one.
_SHARE: Final = 2 / 3
_HAS_TEXT: Final = frozenset({Finish.STOP, Finish.LENGTH})


class ProvidersExhausted(ProviderError):
    """Every provider of a chain failed; `failures` says how, as (key, error code)."""

    code = "providers_exhausted"

    def __init__(self, message: str, *, failures: tuple[tuple[str, str], ...]) -> None:
        super().__init__(message, provider="chain")
        self.failures = failures


_breakers: dict[trouble.Name, Breaker] = {}


def breaker(provider: Provider) -> Breaker:
    """The breaker of a provider with the key that it uses now."""
    return _breakers.setdefault(_name(provider), Breaker())


def _name(provider: Provider) -> trouble.Name:
    return provider.key, provider.credentials()


def is_failing(provider: Provider) -> bool:
    """Whether this process knows that calls of a provider fail now."""
    return breaker(provider).open_until > time.monotonic()


def is_failing_anywhere(provider: Provider) -> bool:
    """Whether some process knows it. Asks the cache, so not for the engine's loop."""
    return is_failing(provider) or trouble.is_told(_name(provider))


def reset_breakers() -> None:
    """Forget all failures: after new keys, and between tests."""
    for name, each in _breakers.items():
        if each.open_until:
            trouble.forget(name)
    _breakers.clear()


async def complete(
    chain: Sequence[str],
    request: Request,
    *,
    budget_s: float,
    on_text: OnText | None = None,
    model_names: Mapping[str, str] | None = None,
    meter: Meter | None = None,
) -> Completion:
    """The first answer that a provider of the chain gives within `budget_s`.

    `model_names` gives the model per provider. Each call is counted on the `meter`,
    which may refuse it. `on_text` gets None when what
    it was given no longer counts: the text starts again, or there is none. Failures are recorded in the
    completion. When all that worked were blocked or empty, the first of those is
    given; when none worked, ProviderError is raised.
    """
    run = _Run(request, budget_s, on_text, model_names or {}, meter or Meter())
    return await run.through(providers.usable(chain))


class _Run:
    """One request's way along its chain."""

    def __init__(
        self,
        request: Request,
        budget_s: float,
        on_text: OnText | None,
        model_names: Mapping[str, str],
        meter: Meter,
    ) -> None:
        self._request = request
        self._ends_at = time.monotonic() + budget_s
        self._output = _Output(on_text) if on_text is not None else None
        self._model_names = model_names
        self._meter = meter
        self._failures: list[tuple[str, str]] = []

    async def through(self, usable: Sequence[Provider]) -> Completion:
        """Ask one provider after the other."""
        without_text: Completion | None = None
        for place, provider in enumerate(usable):
            following = [other.key for other in usable[place + 1 :]]
            completion = await self._ask(provider, following)
            if completion is None:
                continue
            if completion.finish in _HAS_TEXT:
                return replace(completion, failures=tuple(self._failures))
            self._failures.append((provider.key, completion.finish.value))
            without_text = without_text or completion
        if self._output is not None:
            self._output.drop()
        if without_text is not None:
            return replace(without_text, failures=tuple(self._failures))
        raise self._exhausted()

    def _time_for(self, key: str, following: Sequence[str]) -> float:
        """The seconds that a provider may take, given who comes after it."""
        left_s = self._ends_at - time.monotonic()
        if key == "local":
            return max(left_s, LOCAL_RESERVE_S)
        if "local" in following:
            left_s -= LOCAL_RESERVE_S
        if any(other != "local" for other in following):
            left_s *= _SHARE
        return min(self._request.timeout_s, left_s)

    async def _ask(
        self, provider: Provider, following: Sequence[str]
    ) -> Completion | None:
        """Up to two attempts with one provider; None when there is no answer."""
        ends_at = time.monotonic() + self._time_for(provider.key, following)
        model = self._model_of(provider)
        if not await self._meter.admits_request(provider.key, model, self._request):
            self._failures.append((provider.key, LIMIT_REACHED))
            return None
        gate = breaker(provider)
        if not gate.admits():
            self._failures.append((provider.key, "breaker_open"))
            return None
        for is_retry in (False, True):
            left_s = ends_at - time.monotonic()
            if left_s < _SHORTEST_S:
                gate.released()
                self._failures.append((provider.key, "no_time_left"))
                return None
            try:
                completion = await self._attempt(provider, model, left_s)
            except ProviderError as exc:
                gate.failed(exc)
                if gate.open_until:
                    await trouble.tell(_name(provider), gate)
                self._failures.append((provider.key, exc.code))
                pause_s = self._pause(exc)
                if is_retry or gate.open_until or pause_s is None:
                    return None
            except BaseException:
                gate.released()
                raise
            else:
                was_open = bool(gate.open_until)
                gate.succeeded()
                if was_open:
                    await trouble.tell(_name(provider), gate)
                return completion
            if time.monotonic() + pause_s + _SHORTEST_S > ends_at:
                return None
            await asyncio.sleep(pause_s)
        return None

    def _model_of(self, provider: Provider) -> str:
        own = self._model_names.get(provider.key) or self._request.model
        return own or provider.default_model()

    async def _attempt(
        self, provider: Provider, model: str, timeout_s: float
    ) -> Completion:
        """One call, counted."""
        started = time.perf_counter()
        try:
            found = await self._call(provider, model, timeout_s)
        except BaseException:
            self._meter.count(Call(provider.key, model, has_failed=True))
            raise
        took_ms = round((time.perf_counter() - started) * 1000)
        tokens = found.tokens_in, found.tokens_out
        self._meter.count(Call(provider.key, found.model, model, *tokens, took_ms))
        return found

    async def _call(
        self, provider: Provider, model: str, timeout_s: float
    ) -> Completion:
        request = replace(self._request, timeout_s=timeout_s, model=model)
        on_text = self._output.start() if self._output is not None else None
        try:
            async with asyncio.timeout(timeout_s):
                return await provider.complete(request, on_text)
        except TimeoutError as exc:
            raise TemporaryProviderError(
                f"{provider.key} did not answer in time.",
                provider=provider.key,
                code="timeout",
            ) from exc
        except ProviderError:
            raise
        except Exception as exc:
            # Whatever a provider's SDK comes up with, the next one is to be asked.
            logger.exception("Provider %s broke", provider.key)
            raise PermanentProviderError(
                f"{provider.key} broke.", provider=provider.key, code="broken"
            ) from exc

    def _pause(self, error: ProviderError) -> float | None:
        """Seconds until a second try of the same provider; None where it is in vain.

        After a timeout the time is better spent on the next one.
        """
        was_shown = self._output is not None and self._output.has_text
        is_temporary = isinstance(error, TemporaryProviderError)
        if was_shown or not is_temporary or error.code == "timeout":
            return None
        if error.retry_after is not None:
            return error.retry_after
        return _RETRY_AFTER_S * random.uniform(0.5, 1.5)  # noqa: S311

    def _exhausted(self) -> ProvidersExhausted:
        tried = ", ".join(f"{key}: {code}" for key, code in self._failures)
        return ProvidersExhausted(
            f"Every provider failed ({tried or 'none is configured'}).",
            failures=tuple(self._failures),
        )


class _Output:
    """What a caller who listens has been given so far."""

    def __init__(self, on_text: OnText) -> None:
        self._on_text = on_text
        self.has_text = False
        self._attempt = 0

    def drop(self) -> None:
        """Tell the caller that what came so far no longer counts."""
        if self.has_text:
            self.has_text = False
            self._on_text(None)

    def start(self) -> Callable[[str | None], None]:
        """A listener for one attempt; what came before it no longer counts."""
        self.drop()
        self._attempt += 1
        number = self._attempt

        def on_text(piece: str | None) -> None:
            if piece and number == self._attempt:
                self.has_text = True
                self._on_text(piece)

        return on_text
