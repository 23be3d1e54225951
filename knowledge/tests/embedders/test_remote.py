"""Encoders of other services, against their published wire formats."""

import json
import re
from pathlib import Path

import httpx2
import jsonschema
import numpy as np
import pytest

from core.exceptions import (
    CredentialsRefused,
    PermanentProviderError,
    TemporaryProviderError,
)
from knowledge import embedders
from knowledge.embedders.gemini import Gemini
from knowledge.embedders.openai import OpenAI

CONTRACTS = Path(__file__).parents[1] / "contracts"
OPENAI = json.loads((CONTRACTS / "openai.json").read_text())
GEMINI = json.loads((CONTRACTS / "gemini.json").read_text())
VECTORS = [[3.0, 4.0, 0.0], [0.0, 0.0, 2.0]]
UNIT = np.array([[0.6, 0.8, 0.0], [0.0, 0.0, 1.0]], np.float32)


def openai_answer(vectors=VECTORS):
    """What `POST /embeddings` answers, its last vector first."""
    data = [
        {"object": "embedding", "index": number, "embedding": vector}
        for number, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": 4, "total_tokens": 4}
    answer = {"object": "list", "data": data[::-1], "model": "m", "usage": usage}
    schema = {"$ref": "#/$defs/CreateEmbeddingResponse", "$defs": OPENAI["$defs"]}
    jsonschema.Draft202012Validator(schema).validate(answer)
    return answer


def gemini_answer(vectors=VECTORS):
    """What `batchEmbedContents` answers."""
    answer = {"embeddings": [{"values": vector} for vector in vectors]}
    assert_gemini(answer, "BatchEmbedContentsResponse")
    return answer


def assert_gemini(value, kind):
    """Every field is known, and its parts as well."""
    kind = kind.removeprefix("enum:")
    if kind in GEMINI["enums"]:
        assert value in GEMINI["enums"][kind]
    for name, part in value.items() if kind in GEMINI["messages"] else ():
        field = GEMINI["messages"][kind][name]
        for one in part if field.get("repeated") else [part]:
            assert_gemini(one, field["type"])


SERVICES = {
    "openai": (OpenAI, openai_answer),
    "gemini": (Gemini, gemini_answer),
}


@pytest.fixture(params=SERVICES)
def service(request):
    return SERVICES[request.param]


def make(kind, **options):
    return kind(**{"api_key": "secret", "dimensions": 3, **options})


def test_vectors_come_in_the_order_of_the_texts_and_at_unit_length(network, service):
    kind, answer = service
    network.answer(answer())

    rows = make(kind).embed(["one", "two"])

    assert np.allclose(rows, UNIT)
    assert rows.dtype == np.float32


def test_openai_is_asked_as_its_schema_says(network):
    network.answer(openai_answer())

    OpenAI(api_key="secret", dimensions=3).embed(["one", "two"])

    (request,), (body,) = network.requests, network.bodies()
    schema = {"$ref": "#/$defs/CreateEmbeddingRequest", "$defs": OPENAI["$defs"]}
    jsonschema.Draft202012Validator(schema).validate(body)
    assert str(request.url) == "https://api.openai.com/v1/embeddings"
    assert request.headers["authorization"] == "Bearer secret"
    assert body == {
        "model": "text-embedding-3-small",
        "input": ["one", "two"],
        "dimensions": 3,
    }


def test_a_compatible_server_is_asked_at_its_address_and_for_all_it_gives(network):
    network.answer(openai_answer())
    encoder = OpenAI(
        api_key="any", url="http://127.0.0.1:11434/v1/", model="nomic-embed-text"
    )

    rows = encoder.embed(["one", "two"])

    assert str(network.requests[0].url) == "http://127.0.0.1:11434/v1/embeddings"
    assert network.bodies() == [{"model": "nomic-embed-text", "input": ["one", "two"]}]
    assert encoder.dimensions == rows.shape[1] == 3


@pytest.mark.parametrize(
    ("are_queries", "task"),
    [(True, "RETRIEVAL_QUERY"), (False, "RETRIEVAL_DOCUMENT")],
    ids=["questions", "texts"],
)
def test_gemini_is_asked_for_one_vector_per_text(network, are_queries, task):
    network.answer(gemini_answer())

    make(Gemini).embed(["one", "two"], are_queries=are_queries)

    (request,), (body,) = network.requests, network.bodies()
    assert_gemini(body, "BatchEmbedContentsRequest")
    path = re.sub(r"{.*?}", "models/gemini-embedding-001", "/v1beta/{model}")
    assert request.url.path == f"{path}:batchEmbedContents"
    assert request.headers["x-goog-api-key"] == "secret"
    assert [
        (each["content"]["parts"], each["taskType"], each["outputDimensionality"])
        for each in body["requests"]
    ] == [([{"text": "one"}], task, 3), ([{"text": "two"}], task, 3)]


def test_many_texts_are_asked_for_in_several_requests(network, service):
    kind, answer = service
    network.answer(answer([VECTORS[0]] * kind.batch), answer([VECTORS[1]] * 5))

    rows = make(kind).embed(["text"] * (kind.batch + 5))

    assert len(network.requests) == 2
    assert np.allclose(rows[[0, -1]], UNIT)
    assert len(rows) == kind.batch + 5


def test_no_text_asks_nobody(network, service):
    assert make(service[0]).embed([]).shape == (0, 3)
    assert not network.requests


def test_a_huge_text_is_cut(network, service):
    kind, answer = service
    network.answer(answer(VECTORS[:1]))

    make(kind).embed(["x" * 1_000_000])

    assert len(network.requests[0].content) < 10_000


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda answer: answer(VECTORS[:1]),
        lambda answer: answer([*VECTORS, VECTORS[0]]),
        lambda answer: answer([VECTORS[0], [1.0, 2.0]]),
        lambda answer: answer([[1.0, 2.0], [1.0, 2.0]]),
        lambda answer: answer([[], []]),
        lambda answer: {},
        lambda answer: {"data": None, "embeddings": None},
        lambda answer: {"data": [{"index": 1}], "embeddings": [{}]},
        lambda answer: httpx2.Response(200, text="<html>"),
        lambda answer: httpx2.Response(200, text='["data"]'),
        lambda answer: httpx2.Response(
            200, text=json.dumps(answer()).replace("3.0", '"NaN"')
        ),
    ],
    ids=[
        "too few",
        "too many",
        "uneven",
        "of another length",
        "without numbers",
        "nothing",
        "null",
        "no vector",
        "a page",
        "a list",
        "not a number",
    ],
)
def test_an_answer_that_is_not_one_vector_per_text_is_refused(network, service, spoilt):
    kind, answer = service
    network.answer(spoilt(answer))

    with pytest.raises(TemporaryProviderError) as caught:
        make(kind).embed(["one", "two"])

    assert caught.value.code == "malformed_answer"


def failure(status, body, **headers):
    return httpx2.Response(status, json=body, headers=headers)


FAILURES = {
    "openai: no money": (
        OpenAI,
        failure(429, {"error": {"code": "insufficient_quota", "type": "x"}}),
        (PermanentProviderError, "insufficient_quota", None),
    ),
    "openai: too fast": (
        OpenAI,
        failure(
            429, {"error": {"code": "rate_limit_exceeded"}}, **{"retry-after": "7"}
        ),
        (TemporaryProviderError, "rate_limit_exceeded", 7.0),
    ),
    "openai: wrong key": (
        OpenAI,
        failure(401, {"error": {"code": "invalid_api_key"}}),
        (CredentialsRefused, "invalid_api_key", None),
    ),
    "gemini: too fast": (
        Gemini,
        failure(
            429,
            {
                "error": {
                    "status": "RESOURCE_EXHAUSTED",
                    "details": [{"@type": "t/RetryInfo", "retryDelay": "12.5s"}],
                }
            },
        ),
        (TemporaryProviderError, "resource_exhausted", 12.5),
    ),
    "gemini: wrong key": (
        Gemini,
        failure(
            400,
            {
                "error": {
                    "status": "INVALID_ARGUMENT",
                    "details": [{"@type": "t/ErrorInfo", "reason": "API_KEY_INVALID"}],
                }
            },
        ),
        (PermanentProviderError, "api_key_invalid", None),
    ),
    "a gateway's page": (
        OpenAI,
        httpx2.Response(502, text="<html>"),
        (TemporaryProviderError, "provider_unavailable", None),
    ),
    "an error that is a word": (
        Gemini,
        failure(500, {"error": "broken"}),
        (TemporaryProviderError, "provider_unavailable", None),
    ),
    "nobody there": (
        OpenAI,
        httpx2.ConnectError("refused"),
        (TemporaryProviderError, "provider_unavailable", None),
    ),
    "no answer": (
        Gemini,
        httpx2.ReadTimeout("late"),
        (TemporaryProviderError, "timeout", None),
    ),
}


@pytest.mark.parametrize(
    ("kind", "answer", "expected"), FAILURES.values(), ids=list(FAILURES)
)
def test_failures_are_of_our_own_family(network, kind, answer, expected):
    network.answer(answer)

    with pytest.raises(Exception) as caught:  # noqa: PT011 (its type is in the table)
        make(kind).embed(["one"])

    error = caught.value
    assert (type(error), error.code, error.retry_after) == expected
    assert error.provider == kind.provider
    assert "secret" not in str(error)


def test_what_makes_other_vectors_has_another_key(service):
    kind, _ = service
    encoders = [
        make(kind),
        make(kind, dimensions=4),
        make(kind, model="other"),
        make(kind, url="http://127.0.0.1:1/v1"),
    ]

    assert len({each.key for each in encoders}) == len(encoders)
    assert make(kind).key == make(kind, api_key="new").key
    assert len(make(kind, model="m" * 300).key) <= 100


def test_the_configured_encoder_takes_keys_and_addresses_of_the_answers(
    settings, network
):
    settings.EMBEDDINGS = "openai"
    settings.OPENAI_API_KEY = "shared"
    settings.OPENAI_BASE_URL = "http://127.0.0.1:9/v1"
    network.answer(openai_answer([[1.0] * 512]), openai_answer(VECTORS[:1]))

    embedders.current().embed(["one"])
    settings.EMBEDDINGS_BASE_URL = "http://127.0.0.1:8/v1"
    settings.EMBEDDINGS_API_KEY = "own"
    settings.EMBEDDINGS_MODEL = "bge-m3"
    embedders.current().embed(["one"])

    assert [
        (str(each.url), each.headers["authorization"]) for each in network.requests
    ] == [
        ("http://127.0.0.1:9/v1/embeddings", "Bearer shared"),
        ("http://127.0.0.1:8/v1/embeddings", "Bearer own"),
    ]


@pytest.mark.parametrize(
    "values",
    [
        {"EMBEDDINGS": "off"},
        {"EMBEDDINGS": "nonsense"},
        {"EMBEDDINGS": "local", "EMBEDDINGS_FOLDER": "/nowhere"},
    ],
    ids=["off", "a word that means nothing", "a folder that is not there"],
)
def test_without_an_encoder_there_is_none(settings, values):
    for name, value in values.items():
        setattr(settings, name, value)

    assert embedders.current() is None
