"""Our requests and the loopback server's answers against the published schemas."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from google.genai import types

from ai_model.providers import gemini
from ai_model.providers.base import Media
from ai_model.tests import wire
from ai_model.tests.loopback import ModelServer
from ai_model.tests.test_providers import REQUEST, ask, ask_streamed

CONTRACTS = Path(__file__).with_name("contracts")
OPENAI = json.loads((CONTRACTS / "openai.json").read_text())
GEMINI = json.loads((CONTRACTS / "gemini.json").read_text())
#: In the SDK and the documentation, not yet in the published descriptors.
NEWER = {"thinkingConfig"}


def check(value: Any, name: str) -> None:
    schema = {"$ref": f"#/$defs/{name}", "$defs": OPENAI["$defs"]}
    jsonschema.Draft202012Validator(schema).validate(value)


def fields_of(name: str) -> set[str]:
    """All field names of an OpenAI schema, those of its parts included."""
    schema = OPENAI["$defs"][name]
    found = set(schema.get("properties", ()))
    for part in schema.get("allOf", ()):
        found |= set(part.get("properties", ()))
        if "$ref" in part:
            found |= fields_of(part["$ref"].rpartition("/")[2])
    return found


def check_gemini(value: Any, kind: str) -> None:
    """Every field must be known, and every value of its type."""
    kind = kind.removeprefix("enum:")
    if kind in GEMINI["enums"]:
        assert value in GEMINI["enums"][kind]
    elif kind in GEMINI["messages"]:
        for name, part in value.items():
            if name in NEWER:
                continue
            field = GEMINI["messages"][kind][name]
            parts = part if field.get("repeated") else [part]
            for one in parts:
                check_gemini(one, field["type"])


@pytest.fixture
def sent(settings, request):
    """The bodies that a dialect's provider sends, whole and streamed."""
    dialect = request.param
    with ModelServer() as server:
        settings.OPENAI_API_KEY = settings.GEMINI_API_KEY = "key-1"
        settings.OPENAI_BASE_URL = f"{server.url}/v1"
        settings.GEMINI_BASE_URL = server.url
        settings.OPENAI_API_STYLE = "" if dialect == "gemini" else dialect
        model = "" if dialect == "gemini" else "gpt-6-luna"
        picture = Media("image/png", b"\x89PNG\r\n\x1a\n")
        ask(dialect, replace(REQUEST, model=model, media=(picture,)))
        ask_streamed(dialect, replace(REQUEST, model=model))
        return server.requests


@pytest.mark.parametrize(
    ("sent", "schema", "path"),
    [
        ("responses", "CreateResponse", "/v1/responses"),
        ("chat", "CreateChatCompletionRequest", "/v1/chat/completions"),
    ],
    indirect=["sent"],
    ids=["responses", "chat"],
)
def test_openai_is_sent_what_it_documents(sent, schema, path):
    for request in sent:
        assert request.path == path
        check(request.body, schema)
        assert set(request.body) <= fields_of(schema)


@pytest.mark.parametrize("sent", ["gemini"], indirect=True)
def test_gemini_is_sent_what_it_documents(sent):
    for request, verb in zip(
        sent, ("generateContent", "streamGenerateContent"), strict=True
    ):
        path = GEMINI["http"][verb].removeprefix("POST ")
        assert request.path == path.format(model=gemini.DEFAULT_MODEL)
        check_gemini(request.body, "GenerateContentRequest")
        thinking = request.body["generationConfig"]["thinkingConfig"]
        types.ThinkingConfig.model_validate(thinking)


FINISHES = ("stop", "length", "safety", "refusal")


@pytest.mark.parametrize("finish", [*FINISHES, "failed"])
def test_the_servers_responses_are_openais(finish):
    check(wire.Responses().whole(finish=finish), "Response")
    for event in wire.Responses().events(finish=finish):
        if event["type"] != "response.brand_new":
            check(event, "ResponseStreamEvent")


@pytest.mark.parametrize("finish", FINISHES)
def test_the_servers_chat_completions_are_openais(finish):
    check(wire.Chat().whole(finish=finish), "CreateChatCompletionResponse")
    *chunks, done = wire.Chat().events(finish=finish)
    for chunk in chunks:
        check(chunk, "CreateChatCompletionStreamResponse")
    assert done == "[DONE]"


@pytest.mark.parametrize("finish", [*FINISHES, "failed", "blocked prompt"])
def test_the_servers_gemini_answers_are_geminis(finish):
    answers = [wire.Gemini().whole(finish=finish), *wire.Gemini().events(finish=finish)]

    for answer in answers:
        types.GenerateContentResponse.model_validate(answer)
        check_gemini(answer, "GenerateContentResponse")


def test_the_servers_errors_are_openais():
    for _, body, _ in wire.Chat.errors.values():
        check(body, "ErrorResponse")
