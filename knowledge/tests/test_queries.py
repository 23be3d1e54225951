"""The vectors of questions: together, remembered, in time or not at all."""

import asyncio
import json
import socket
import time

import httpx2
import numpy as np
import pytest

from core import http
from knowledge import embedders, queries
from knowledge.queries import QueryEncoder
from knowledge.tests.encoders import write_encoder


@pytest.fixture
def local(settings, tmp_path):
    pytest.importorskip("tokenizers")
    settings.EMBEDDINGS = "local"
    settings.EMBEDDINGS_FOLDER = str(write_encoder(tmp_path / "tiny"))
    settings.EMBEDDINGS_LANGUAGES = ["en"]


@pytest.fixture
def service(settings, network):
    settings.EMBEDDINGS = "openai"
    settings.EMBEDDINGS_API_KEY = "key"
    settings.EMBEDDINGS_BASE_URL = "http://127.0.0.1:9/v1"
    settings.EMBEDDINGS_MODEL = "tiny"
    return network


def vectors(request):
    """A vector for each text, made of its length."""
    data = [
        {"index": place, "embedding": [float(len(text)), 1.0]}
        for place, text in enumerate(json.loads(request.content)["input"])
    ]
    return httpx2.Response(200, json={"data": data})


def ask(*texts, lang="en", encoder=None, toll=None):
    """The vectors of questions that are asked at the same moment."""
    encoder = encoder or QueryEncoder()

    async def together():
        asked = (encoder.vector(text, lang, toll) for text in texts)
        return await asyncio.gather(*asked)

    return http.run(together())


def test_a_question_gets_the_vector_of_its_text(local):
    (vector,) = ask("where is my  card?")

    expected = embedders.current().embed(["where is my card?"])[0]
    assert np.allclose(vector, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("lang", "has_vector"),
    [("en", True), ("", True), ("mn", False)],
    ids=["its language", "an unknown one", "another one"],
)
def test_only_what_the_encoder_reads_is_encoded(local, lang, has_vector):
    (vector,) = ask("where is my card?", lang=lang)

    assert (vector is not None) == has_vector


def test_an_empty_question_has_no_vector(local):
    assert ask("", " \n") == [None, None]


def test_questions_that_wait_are_asked_together(service):
    service.answer(vectors)
    embedders.current()
    texts = [f"question {'x' * number}" for number in range(10)]

    found = ask(*texts, texts[0])

    assert [len(body["input"]) for body in service.bodies()] == [10]
    assert len({tuple(each) for each in found}) == 10


def test_a_question_is_encoded_once(service):
    service.answer(vectors, 500)
    encoder = QueryEncoder()

    (first,) = ask("where is it?", encoder=encoder)
    (second,) = ask(" where is  it? ", encoder=encoder)

    assert len(service.requests) == 1
    assert np.array_equal(first, second)


def test_another_encoder_is_asked_anew(service, settings):
    service.answer(vectors, vectors)
    encoder = QueryEncoder()
    ask("where?", encoder=encoder)

    settings.EMBEDDINGS_MODEL = "second"
    ask("where?", encoder=encoder)

    assert [body["model"] for body in service.bodies()] == ["tiny", "second"]


@pytest.mark.parametrize(
    "trouble",
    [500, 401, httpx2.ConnectError("refused"), {"data": []}],
    ids=["broken", "wrong key", "nobody there", "no vectors"],
)
def test_trouble_gives_no_vector_and_no_error(service, trouble):
    service.answer(trouble)

    assert ask("where?", "who?") == [None, None]


def test_a_service_that_keeps_failing_is_left_alone(service):
    service.answer(*[500] * 10)
    encoder = QueryEncoder()

    for number in range(8):
        assert ask(f"question {number}", encoder=encoder) == [None]

    assert len(service.requests) == 3


def test_a_silent_service_costs_no_more_than_the_limit(settings):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.EMBEDDINGS = "openai"
        settings.EMBEDDINGS_API_KEY = "key"
        settings.EMBEDDINGS_BASE_URL = f"http://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()

        assert ask("where?", "who?") == [None, None]

    assert queries.LIMIT_S * 0.9 < time.monotonic() - started < queries.LIMIT_S + 1


def test_without_an_encoder_there_is_no_vector():
    assert ask("where?") == [None]


def test_no_more_questions_are_kept_than_there_is_room_for(service, monkeypatch):
    monkeypatch.setattr(queries, "_KEPT", 2)
    service.answer(*[vectors] * 5)
    encoder = QueryEncoder()

    for text in ("one", "two", "three", "one"):
        ask(text, encoder=encoder)

    assert len(service.requests) == 4


class Toll:
    """Admits so many questions."""

    def __init__(self, most):
        self.most = most
        self.paid = []

    async def admits(self, provider, model, tokens):
        self.most -= 1
        return self.most >= 0

    def encoded(self, provider, model, tokens, latency_ms):
        self.paid.append((provider, model, tokens))


def test_who_pays_for_a_question_is_asked_before_and_told_after(service):
    service.answer(vectors)
    encoder, toll = QueryEncoder(), Toll(1)

    (first,) = ask("where is my card?", encoder=encoder, toll=toll)
    (again,) = ask("where is my card?", encoder=encoder, toll=toll)
    (refused,) = ask("where is my parcel?", encoder=encoder, toll=toll)

    assert first is not None
    assert again is not None
    assert refused is None
    assert toll.paid == [("openai", "tiny", 5)]
    assert len(service.requests) == 1


def test_an_encoder_of_our_own_costs_nothing(local):
    toll = Toll(0)

    (found,) = ask("where is my card?", toll=toll)

    assert found is not None
    assert toll.paid == []
