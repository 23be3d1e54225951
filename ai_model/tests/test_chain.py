"""The way along a chain of providers, with the real SDKs on loopback."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ai_model import providers
from ai_model.providers import chain
from ai_model.providers.base import Completion, Finish
from ai_model.tests import wire
from ai_model.tests.loopback import ModelServer
from ai_model.tests.test_providers import REQUEST
from core import http
from core.exceptions import ProviderError, TemporaryProviderError

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERYBODY = ("gemini", "openai", "local")


@pytest.fixture
def server(settings) -> Iterator[ModelServer]:
    """Both models answer from here, Gemini first."""
    chain.reset_breakers()
    with ModelServer() as running:
        settings.GEMINI_API_KEY = settings.OPENAI_API_KEY = "key-1"
        settings.GEMINI_BASE_URL = running.url
        settings.OPENAI_BASE_URL = f"{running.url}/v1"
        yield running


def ask(*keys: str, budget_s: float = 20.0, **how) -> Completion:
    request = how.pop("request", REQUEST)

    async def call() -> Completion:
        try:
            return await chain.complete(keys, request, budget_s=budget_s, **how)
        finally:
            await providers.aclose()

    return http.run(call())


def test_the_first_provider_that_works_answers(server):
    completion = ask(*EVERYBODY)

    assert (completion.provider, completion.text) == ("gemini", wire.TEXT)
    assert completion.failures == ()
    assert len(server.requests) == 1


def test_a_temporary_error_is_tried_once_more(server):
    server.script("500", "ok")

    completion = ask(*EVERYBODY)

    assert completion.provider == "gemini"
    assert completion.failures == (("gemini", "internal"),)


def test_after_two_errors_the_next_provider_is_asked(server):
    server.script("500", "500", "ok")

    completion = ask(*EVERYBODY)

    assert completion.provider == "openai"
    assert completion.failures == (("gemini", "internal"),) * 2


def test_a_permanent_error_is_not_tried_again(server):
    server.script("404", "ok")

    completion = ask(*EVERYBODY)

    assert completion.provider == "openai"
    assert completion.failures == (("gemini", "not_found"),)


def test_the_local_answerer_is_the_last_resort(server):
    server.script("500")

    completion = ask(*EVERYBODY)

    assert completion.provider == "local"
    assert "nine" in completion.text
    assert [key for key, _ in completion.failures] == ["gemini"] * 2 + ["openai"] * 2


def test_hanging_providers_leave_time_for_the_others(server):
    server.script("hang")

    completion = ask(*EVERYBODY, budget_s=5.0)

    assert completion.provider == "local"
    assert completion.failures == (("gemini", "timeout"), ("openai", "timeout"))


def test_without_any_budget_the_local_answerer_still_answers(server):
    completion = ask(*EVERYBODY, budget_s=0.0)

    assert completion.provider == "local"
    assert completion.failures == (
        ("gemini", "no_time_left"),
        ("openai", "no_time_left"),
    )
    assert server.requests == []


def test_a_wait_that_does_not_fit_the_budget_is_not_waited_for(server):
    server.script("429", "ok")
    began = time.monotonic()

    completion = ask(*EVERYBODY)

    assert completion.provider == "openai"
    assert time.monotonic() - began < 1.0


def test_when_every_provider_fails_the_error_names_all_failures(server):
    server.script("404")

    with pytest.raises(chain.ProvidersExhausted) as caught:
        ask("gemini", "openai")

    assert isinstance(caught.value, ProviderError)
    assert caught.value.failures == (
        ("gemini", "not_found"),
        ("openai", "model_not_found"),
    )


def test_an_empty_chain_is_an_error():
    with pytest.raises(chain.ProvidersExhausted) as caught:
        ask()

    assert caught.value.failures == ()


@pytest.mark.parametrize("name", ["safety", "empty"])
def test_a_blocked_or_empty_answer_goes_to_the_next_provider(server, name):
    server.script(name, "ok")

    completion = ask(*EVERYBODY)

    code = "blocked" if name == "safety" else "empty"
    assert (completion.provider, completion.failures) == ("openai", (("gemini", code),))


def test_when_all_that_worked_is_blocked_the_blocked_answer_is_given(server):
    server.script("safety", "404")

    completion = ask("gemini", "openai")

    assert (completion.provider, completion.finish) == ("gemini", Finish.BLOCKED)
    assert completion.failures == (("gemini", "blocked"), ("openai", "model_not_found"))


def test_each_provider_is_asked_for_its_own_model(server):
    server.script("404", "ok")

    ask(*EVERYBODY, model_names={"gemini": "gemini-x", "openai": "llama"})

    assert "/models/gemini-x:" in server.requests[0].path
    assert server.requests[1].body["model"] == "llama"


def test_a_text_that_breaks_off_is_taken_back_and_written_anew(server):
    server.script("ends early", "ok")
    pieces: list[str | None] = []

    completion = ask(*EVERYBODY, on_text=pieces.append)

    assert completion.provider == "openai"
    assert completion.failures == (("gemini", "stream_cut"),)
    reset = pieces.index(None)
    assert "".join(pieces[:reset]) == wire.TEXT[: len(wire.TEXT) // 2]
    assert "".join(pieces[reset + 1 :]) == completion.text == wire.TEXT


def test_nothing_is_taken_back_when_nothing_was_shown(server):
    server.script("500", "ok")
    pieces: list[str | None] = []

    ask(*EVERYBODY, on_text=pieces.append)

    assert None not in pieces
    assert "".join(pieces) == wire.TEXT


def test_a_text_that_is_blocked_at_its_end_is_taken_back(server):
    server.script("safety")
    pieces: list[str | None] = []

    completion = ask("openai", on_text=pieces.append)

    assert (completion.finish, completion.text) == (Finish.BLOCKED, "")
    assert pieces[-1] is None


# The breaker


@pytest.mark.parametrize(("name", "key"), [("401", "gemini"), ("quota", "gemini")])
def test_a_provider_that_needs_a_person_is_left_alone_at_once(server, name, key):
    server.script(name, "ok")
    ask(*EVERYBODY)

    completion = ask(*EVERYBODY)

    assert completion.failures == ((key, "breaker_open"),)
    assert chain.breaker(providers.get(key)).open_until > time.monotonic() + 300


def test_three_temporary_errors_in_a_row_open_the_breaker_for_half_a_minute(server):
    server.script("500")
    ask("gemini", "local")
    ask("gemini", "local")

    completion = ask("gemini", "local")

    assert completion.failures == (("gemini", "breaker_open"),)
    assert len(server.requests) == 3
    left_s = chain.breaker(providers.get("gemini")).open_until - time.monotonic()
    assert 25 < left_s <= 30


def test_a_long_wait_that_was_asked_for_is_kept_by_all_calls(server):
    server.script("429", "ok")
    ask(*EVERYBODY)

    assert ask(*EVERYBODY).failures == (("gemini", "breaker_open"),)
    left_s = chain.breaker(providers.get("gemini")).open_until - time.monotonic()
    assert 5 < left_s <= 7.5


def test_after_the_pause_one_call_decides(server):
    gate = chain.breaker(providers.get("gemini"))
    gate.open_until = time.monotonic() - 1

    assert gate.admits()
    assert not gate.admits()  # the second asker waits for the first one's outcome
    gate.failed(TemporaryProviderError("down", provider="gemini"))
    assert not gate.admits()
    gate.open_until = time.monotonic() - 1

    assert ask("gemini").provider == "gemini"
    assert gate.open_until == 0.0
    assert gate.admits()


def test_a_cancelled_call_leaves_the_way_free(server):
    gate = chain.breaker(providers.get("gemini"))
    gate.open_until = time.monotonic() - 1
    server.script("hang")

    async def cancelled() -> None:
        call = chain.complete(["gemini"], REQUEST, budget_s=3)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await call
        await providers.aclose()

    http.run(cancelled())

    assert not gate.is_probing


def test_a_success_forgets_earlier_errors(server):
    server.script("500", "ok", "500", "ok", "500", "ok")

    for _ in range(3):
        assert ask("gemini").provider == "gemini"


def test_a_new_key_starts_with_a_closed_breaker(server, settings):
    server.script("401", "ok")
    ask("gemini", "local")

    settings.GEMINI_API_KEY = "key-2"

    assert ask("gemini", "local").failures == ()


def test_the_request_timeout_bounds_each_provider(server):
    server.script("hang", "ok")
    hasty = replace(REQUEST, timeout_s=1.5)

    completion = ask("gemini", "openai", request=hasty, budget_s=20.0)

    assert completion.provider == "openai"
    assert completion.failures == (("gemini", "timeout"),)


# Other processes --------------------------------------------------------------


def test_other_processes_hear_of_a_provider_that_fails_and_of_its_return(server):
    """One forgets what it knows itself, as a process that has asked nobody yet."""
    gemini, openai = providers.get("gemini"), providers.get("openai")
    server.script("401", "ok")
    ask("gemini", "openai")
    known = dict(chain._breakers)
    chain._breakers.clear()

    assert chain.is_failing_anywhere(gemini)
    assert not chain.is_failing(gemini)
    assert not chain.is_failing_anywhere(openai)

    chain._breakers.update(known)
    chain.breaker(gemini).open_until = time.monotonic() - 1
    assert ask("gemini").provider == "gemini"
    assert not chain.is_failing_anywhere(gemini)
