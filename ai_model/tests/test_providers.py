"""The real SDKs against a server that speaks the published wire formats."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ai_model import providers
from ai_model.providers.base import (
    Completion,
    Finish,
    Passage,
    Provider,
    Request,
    Utterance,
)
from ai_model.tests import wire
from ai_model.tests.loopback import ModelServer
from core import http
from core.exceptions import (
    PermanentProviderError,
    ProviderError,
    TemporaryProviderError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUEST = Request(
    question="When do you open?",
    passages=(Passage(1, "Opening hours", "We open at nine. We close at six.", "en"),),
    system="Answer from the passages.",
    utterances=(
        Utterance("user", "Hello"),
        Utterance("assistant", "Hi!"),
        Utterance("user", "One thing:"),
        Utterance("user", "When do you open?"),
    ),
    max_tokens=300,
    timeout_s=15.0,
    contact_hash="c0ffee",
)
DIALECTS = ("responses", "chat", "gemini")


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture(params=DIALECTS)
def dialect(request, server, settings) -> str:
    """Configures the provider that speaks this dialect to call the server."""
    settings.OPENAI_API_KEY = settings.GEMINI_API_KEY = "key-1"
    settings.OPENAI_BASE_URL = f"{server.url}/v1"
    settings.OPENAI_API_STYLE = "" if request.param == "gemini" else request.param
    settings.OPENAI_MODEL = settings.GEMINI_MODEL = ""
    settings.GEMINI_BASE_URL = server.url
    settings.GEMINI_API_VERSION = "v1beta"
    return request.param


def provider_of(dialect: str) -> Provider:
    return providers.get("gemini" if dialect == "gemini" else "openai")


def ask(dialect: str, request: Request = REQUEST, on_text=None) -> Completion:
    async def call() -> Completion:
        try:
            return await provider_of(dialect).complete(request, on_text)
        finally:
            await providers.aclose()

    return http.run(call())


def ask_streamed(dialect: str, request: Request = REQUEST) -> tuple[Completion, list]:
    pieces: list[str | None] = []
    return ask(dialect, request, pieces.append), pieces


def test_an_answer_comes_with_its_model_its_usage_and_its_id(dialect, server):
    completion = ask(dialect)

    assert completion.text == wire.TEXT
    assert completion.finish is Finish.STOP
    assert (completion.tokens_in, completion.tokens_out) == (900, 12)
    assert completion.model
    assert completion.request_id
    assert completion.provider == provider_of(dialect).key


def test_a_streamed_answer_is_handed_out_piece_by_piece(dialect, server):
    completion, pieces = ask_streamed(dialect)

    assert "".join(pieces) == completion.text == wire.TEXT
    assert len(pieces) == 2
    assert completion.finish is Finish.STOP
    assert (completion.tokens_in, completion.tokens_out) == (900, 12)
    assert completion.request_id


OUTCOMES = [
    ("no usage", Finish.STOP, wire.TEXT),
    ("length", Finish.LENGTH, wire.TEXT),
    ("length without text", Finish.EMPTY, ""),
    ("empty", Finish.EMPTY, ""),
    ("safety", Finish.BLOCKED, ""),
    ("refusal", Finish.BLOCKED, ""),
]


@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("name", "finish", "text"), OUTCOMES, ids=lambda v: str(v))
def test_the_end_of_an_answer_is_understood(
    dialect, server, name, finish, text, is_streamed
):
    server.script(name)

    completion = ask_streamed(dialect)[0] if is_streamed else ask(dialect)

    assert (completion.finish, completion.text) == (finish, text)
    assert (completion.tokens_in > 0) == (name != "no usage")


@pytest.mark.parametrize("dialect", ["gemini"], indirect=True)
@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
def test_a_blocked_prompt_and_a_reason_that_is_new_block_geminis_answer(
    dialect, server, is_streamed
):
    for name in ("blocked prompt", "unknown finish"):
        server.script(name)

        completion = ask_streamed(dialect)[0] if is_streamed else ask(dialect)

        assert (completion.finish, completion.text) == (Finish.BLOCKED, "")


@pytest.mark.parametrize("dialect", ["chat"], indirect=True)
def test_a_compatible_server_may_use_a_finish_reason_of_its_own(dialect, server):
    server.script("unknown finish")

    assert ask(dialect).finish is Finish.STOP
    assert ask_streamed(dialect)[0].finish is Finish.STOP


FAILURES = [
    ("cut", TemporaryProviderError),
    ("garbled", TemporaryProviderError),
    ("500", TemporaryProviderError),
    ("429", TemporaryProviderError),
    ("quota", PermanentProviderError),
    ("400", PermanentProviderError),
    ("401", PermanentProviderError),
    ("403", PermanentProviderError),
    ("404", PermanentProviderError),
]


@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("name", "kind"), FAILURES, ids=[n for n, _ in FAILURES])
def test_every_failure_is_one_of_our_errors(dialect, server, name, kind, is_streamed):
    server.script(name)

    with pytest.raises(ProviderError) as caught:
        ask_streamed(dialect) if is_streamed else ask(dialect)

    assert isinstance(caught.value, kind)
    assert caught.value.provider == provider_of(dialect).key
    assert len(server.requests) == 1  # the SDKs do not repeat


def test_a_stream_without_its_end_is_a_failure(dialect, server):
    server.script("ends early")

    with pytest.raises(TemporaryProviderError) as caught:
        ask_streamed(dialect)

    assert caught.value.code == "stream_cut"


def test_the_wait_that_a_provider_asks_for_is_kept(dialect, server):
    server.script("429")

    with pytest.raises(TemporaryProviderError) as caught:
        ask(dialect)

    assert caught.value.retry_after == (7.5 if dialect == "gemini" else 7.0)
    assert caught.value.status == 429


@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
def test_exhausted_credit_has_one_code_for_all(dialect, server, is_streamed):
    server.script("quota")

    with pytest.raises(PermanentProviderError) as caught:
        ask_streamed(dialect) if is_streamed else ask(dialect)

    assert caught.value.code == "insufficient_quota"


@pytest.mark.parametrize("dialect", ["responses", "chat"], indirect=True)
def test_a_failure_inside_an_answer_of_status_200_is_an_error(dialect, server):
    server.script("failed")

    for call in (ask, ask_streamed):
        with pytest.raises(TemporaryProviderError) as caught:
            call(dialect)
        assert caught.value.code == "server_error"


@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
def test_a_silent_provider_times_out(dialect, server, is_streamed):
    server.script("hang")
    hasty = replace(REQUEST, timeout_s=0.1)

    with pytest.raises(TemporaryProviderError) as caught:
        ask_streamed(dialect, hasty) if is_streamed else ask(dialect, hasty)

    assert caught.value.code == "timeout"


def test_an_unreachable_provider_is_a_temporary_error(dialect, settings):
    settings.OPENAI_BASE_URL = settings.GEMINI_BASE_URL = "http://127.0.0.1:9/v1"

    with pytest.raises(TemporaryProviderError) as caught:
        ask(dialect)

    assert caught.value.code == "provider_unavailable"


def test_a_check_proves_the_key(dialect, server):
    async def check() -> None:
        try:
            await provider_of(dialect).check(1.0)
        finally:
            await providers.aclose()

    http.run(check())
    server.script("401")

    with pytest.raises(PermanentProviderError):
        http.run(check())


@pytest.mark.parametrize("dialect", ["chat", "gemini"], indirect=True)
def test_a_field_that_the_model_refuses_is_left_out_from_then_on(
    dialect, server, settings
):
    settings.OPENAI_MODEL, settings.GEMINI_MODEL = "llama", "gemini-3.8-flash"
    server.script("unsupported", "ok")

    assert ask(dialect).text == wire.TEXT
    assert ask(dialect).text == wire.TEXT

    bodies = [str(request.body) for request in server.requests]
    field = "thinkingConfig" if dialect == "gemini" else "temperature"
    assert [field in body for body in bodies] == [True, False, False]


def test_gemini_merges_turns_of_one_role(server, settings):
    settings.GEMINI_API_KEY, settings.GEMINI_BASE_URL = "AQ.key", server.url

    ask("gemini")

    request = server.requests[0]
    assert [turn["role"] for turn in request.body["contents"]] == [
        "user",
        "model",
        "user",
    ]
    assert [p["text"] for p in request.body["contents"][2]["parts"]] == [
        "One thing:",
        "When do you open?",
    ]
    assert request.headers["x-goog-api-key"] == "AQ.key"
    assert "key=" not in request.path
    assert request.headers["x-server-timeout"] == "15"


def test_openai_stores_nothing_and_gets_an_opaque_name(server, settings):
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "key-1", f"{server.url}/v1"
    settings.OPENAI_API_STYLE = "responses"

    ask("responses", replace(REQUEST, model="gpt-6-luna"))

    body = server.requests[0].body
    assert body["store"] is False
    assert body["safety_identifier"] == "c0ffee"
    assert body["reasoning"] == {"effort": "low"}
    assert "temperature" not in body
    assert body["instructions"] == REQUEST.system
    assert [turn["role"] for turn in body["input"]] == [
        "user",
        "assistant",
        "user",
        "user",
    ]


def test_a_compatible_server_is_spoken_to_in_chat_completions(server, settings):
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "any", f"{server.url}/v1"
    settings.OPENAI_API_STYLE = ""

    ask("chat", replace(REQUEST, model="llama"))

    request = server.requests[0]
    assert request.path == "/v1/chat/completions"
    assert request.body["messages"][0] == {"role": "system", "content": REQUEST.system}
    assert request.body["max_tokens"] == 300
    assert request.body["temperature"] == 0.2
    assert request.headers["authorization"] == "Bearer any"


def test_a_provider_without_a_key_is_passed_over(settings):
    settings.OPENAI_API_KEY, settings.GEMINI_API_KEY = "", ""

    found = providers.usable(["gemini", "nobody", "openai", "local"])

    assert [provider.key for provider in found] == ["local"]


def test_a_new_key_has_new_credentials(settings):
    settings.OPENAI_API_KEY = settings.GEMINI_API_KEY = "old"
    before = [providers.get(key).credentials() for key in ("openai", "gemini")]
    settings.OPENAI_API_KEY = settings.GEMINI_API_KEY = "new"

    after = [providers.get(key).credentials() for key in ("openai", "gemini")]

    assert all(old != new for old, new in zip(before, after, strict=True))
    assert "new" not in "".join(after)


def test_the_registry_is_sorted_and_keyed_by_the_providers_own_keys():
    keys = [provider.key for provider in providers.REGISTRY.values()]

    assert list(providers.REGISTRY) == keys == sorted(keys)


def test_the_local_answerer_quotes_the_best_passage():
    pieces: list[str | None] = []

    completion = asyncio.run(providers.get("local").complete(REQUEST, pieces.append))

    assert "nine" in completion.text
    assert completion.finish is Finish.STOP
    assert pieces == [completion.text]


def test_the_local_answerer_has_no_answer_without_passages():
    completion = asyncio.run(
        providers.get("local").complete(replace(REQUEST, passages=()))
    )

    assert (completion.finish, completion.text) == (Finish.EMPTY, "")
