import pytest

from knowledge import embedders
from knowledge.checks import embeddings_are_usable
from knowledge.embedders import local
from knowledge.tests.encoders import write_encoder


def found(settings, **values):
    for name, value in values.items():
        setattr(settings, name, value)
    return [each.id for each in embeddings_are_usable()]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"EMBEDDINGS": "off"}, []),
        ({"EMBEDDINGS": "pinecone"}, ["knowledge.E001"]),
        ({"EMBEDDINGS": "openai"}, ["knowledge.E002"]),
        ({"EMBEDDINGS": "openai", "OPENAI_API_KEY": "key"}, []),
        ({"EMBEDDINGS": "gemini", "EMBEDDINGS_API_KEY": "key"}, []),
        ({"EMBEDDINGS": "local", "EMBEDDINGS_FOLDER": "/nowhere"}, ["knowledge.E003"]),
    ],
    ids=["off", "unknown", "no key", "a key", "a key of its own", "no folder"],
)
def test_settings_of_encoders_are_checked(settings, values, expected):
    assert found(settings, **values) == expected


def test_a_folder_with_its_files_passes(settings, tmp_path):
    pytest.importorskip("tokenizers")
    folder = write_encoder(tmp_path / "tiny")

    assert found(settings, EMBEDDINGS="local", EMBEDDINGS_FOLDER=str(folder)) == []


def test_a_missing_package_is_mentioned_and_stops_nothing(settings):
    expected = [] if local.is_installed() else ["knowledge.I001"]

    assert found(settings, EMBEDDINGS="local") == expected


def services(client):
    return client.get("/api/health").json()["services"]


def test_health_lists_the_embeddings_that_are_configured(db, client, settings, network):
    settings.EMBEDDINGS = "openai"
    settings.EMBEDDINGS_API_KEY = "key"
    data = [{"index": 0, "embedding": [1.0] * 512}]
    network.answer({"data": data})

    listed = services(client)

    assert listed["openai_embeddings"] == {"status": "healthy"}
    assert "gemini_embeddings" not in listed


def test_health_says_when_embeddings_fail(db, client, settings, network):
    settings.EMBEDDINGS = "gemini"
    settings.EMBEDDINGS_API_KEY = "wrong"
    network.answer(401)

    assert services(client)["gemini_embeddings"]["status"] == "down"


def test_health_does_not_list_embeddings_that_are_off(db, client):
    assert not [name for name in services(client) if "embeddings" in name]


def test_the_registry_is_sorted():
    assert list(embedders.REGISTRY) == sorted(embedders.REGISTRY)
