import json
import math

import numpy as np
import pytest

from core.exceptions import PermanentProviderError
from knowledge.embedders import local
from knowledge.embedders.bert import gelu
from knowledge.embedders.local import Local
from knowledge.embedders.tensors import read
from knowledge.tests.encoders import CONFIG, tensors_of, write_encoder

pytest.importorskip("tokenizers")

TEXTS = [
    "where is my parcel?",
    "card lost",
    "shipping takes days",
    "where is my card",
    "",
    "lost lost lost lost lost lost lost lost lost lost lost lost",
]


def one_by_one(tensors, ids, config=CONFIG):
    """What a text's vector is by definition: one text, double precision, no tricks."""
    tensors = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}

    def linear(name, x):
        return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]

    def norm(name, x):
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt(x.var(-1, keepdims=True) + config["layer_norm_eps"])
        return scaled * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]

    x = (
        tensors["embeddings.word_embeddings.weight"][ids]
        + tensors["embeddings.position_embeddings.weight"][: len(ids)]
        + tensors["embeddings.token_type_embeddings.weight"][0]
    )
    x = norm("embeddings.LayerNorm", x)
    for number in range(config["num_hidden_layers"]):
        name = f"encoder.layer.{number}"
        q, k, v = (
            linear(f"{name}.attention.self.{part}", x)
            for part in ("query", "key", "value")
        )
        mixed = np.empty_like(x)
        for part in np.split(np.arange(x.shape[1]), config["num_attention_heads"]):
            scores = np.exp(q[:, part] @ k[:, part].T / math.sqrt(len(part)))
            mixed[:, part] = scores / scores.sum(-1, keepdims=True) @ v[:, part]
        x = norm(
            f"{name}.attention.output.LayerNorm",
            x + linear(f"{name}.attention.output.dense", mixed),
        )
        wide = linear(f"{name}.intermediate.dense", x)
        wide = wide * 0.5 * (1 + np.vectorize(math.erf)(wide / math.sqrt(2)))
        x = norm(f"{name}.output.LayerNorm", x + linear(f"{name}.output.dense", wide))
    pooled = x.mean(0)
    return pooled / np.linalg.norm(pooled)


@pytest.fixture
def folder(tmp_path):
    return write_encoder(tmp_path / "tiny")


def test_vectors_are_those_of_the_definition(folder):
    encoder = Local(folder)
    ids = [each.ids for each in encoder._tokenizer.encode_batch(TEXTS)]

    vectors = encoder.embed(TEXTS)

    expected = np.array([one_by_one(tensors_of(), each) for each in ids])
    assert vectors.dtype == np.float32
    assert np.abs(vectors - expected).max() < 1e-3
    assert (vectors * expected).sum(1).min() > 1 - 1e-6


def test_a_text_has_the_same_vector_alone_and_in_company(folder):
    encoder = Local(folder)

    together = encoder.embed(TEXTS * 30)

    alone = np.concatenate([encoder.embed([text]) for text in TEXTS])
    assert np.abs(together - np.tile(alone, (30, 1))).max() < 1e-5


def test_no_texts_give_no_rows(folder):
    assert Local(folder).embed([]).shape == (0, CONFIG["hidden_size"])


def test_a_text_is_cut_at_the_last_place_of_the_model(folder):
    encoder = Local(folder)

    longer = encoder.embed(["lost " * 10, "lost " * 500])

    assert np.array_equal(longer[0], longer[1])


def test_the_first_token_stands_for_the_text_where_the_folder_says_so(folder):
    mean = Local(folder).embed(TEXTS)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(
        json.dumps({"pooling_mode_cls_token": True})
    )

    first = Local(folder).embed(TEXTS)

    assert np.allclose(np.linalg.norm(first, axis=1), 1, atol=1e-5)
    assert np.abs(first - mean).max() > 0.01


def test_names_may_have_a_prefix_and_weights_half_precision(tmp_path):
    halves = {
        f"bert.{name}": each.astype(np.float16) for name, each in tensors_of().items()
    }

    vectors = Local(write_encoder(tmp_path / "half", tensors=halves)).embed(TEXTS)

    exact = Local(write_encoder(tmp_path / "whole")).embed(TEXTS)
    assert (vectors * exact).sum(1).min() > 0.999


def test_positions_of_the_roberta_family_begin_behind_the_padding(tmp_path):
    places = "embeddings.position_embeddings.weight"
    moved = tensors_of()
    moved[places] = np.concatenate([np.full((1, 16), 9, np.float32), moved[places]])

    roberta = write_encoder(
        tmp_path / "roberta", tensors=moved, model_type="xlm-roberta"
    )

    bert = write_encoder(tmp_path / "bert")
    assert np.allclose(Local(roberta).embed(TEXTS), Local(bert).embed(TEXTS), atol=1e-6)


def test_other_weights_have_another_key(tmp_path):
    first = Local(write_encoder(tmp_path / "a"))
    second = Local(write_encoder(tmp_path / "b", seed=1))

    assert first.key.partition("@")[2] != second.key.partition("@")[2]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "model.safetensors").unlink(),
        lambda folder: (folder / "model.safetensors").write_bytes(b""),
        lambda folder: (folder / "model.safetensors").write_bytes(b"<html>" * 50),
        lambda folder: (folder / "model.safetensors").write_bytes(
            (folder / "model.safetensors").read_bytes()[:-100]
        ),
        lambda folder: (folder / "tokenizer.json").unlink(),
        lambda folder: (folder / "tokenizer.json").write_text("{}"),
        lambda folder: (folder / "config.json").write_text("[]"),
        lambda folder: (folder / "config.json").write_text("{}"),
        lambda folder: (folder / "config.json").write_text(
            json.dumps(CONFIG | {"model_type": "gpt2"})
        ),
        lambda folder: (folder / "config.json").write_text(
            json.dumps(CONFIG | {"num_hidden_layers": 9})
        ),
    ],
    ids=[
        "no weights",
        "empty weights",
        "weights that are a page",
        "weights cut off",
        "no tokenizer",
        "a tokenizer that is none",
        "a configuration that is a list",
        "an empty configuration",
        "another kind of model",
        "more layers than weights",
    ],
)
def test_a_folder_without_an_encoder_says_what_is_wrong(folder, spoil):
    spoil(folder)

    with pytest.raises(PermanentProviderError) as caught:
        Local(folder)

    assert "tiny" in str(caught.value)


def test_the_activation_keeps_to_its_definition():
    x = np.linspace(-40, 40, 100_001, dtype=np.float32)

    values = gelu(x.copy())

    exact = [each * 0.5 * (1 + math.erf(each / math.sqrt(2))) for each in x.tolist()]
    assert np.abs(values - np.array(exact)).max() < 4e-5


def test_languages_are_those_that_were_named(folder):
    encoder = Local(folder, frozenset({"en", "es"}))

    assert encoder.speaks("es")
    assert encoder.speaks("")
    assert not encoder.speaks("mn")
    assert Local(folder).speaks("mn")


packaged = pytest.mark.skipif(
    not local.is_installed(), reason="the packaged encoder is missing"
)


@packaged
def test_the_packaged_vectors_are_those_of_the_definition():
    encoder = Local()
    folder = local.packaged_folder()
    texts = ["How do I get my money back?", "Ein Wort", "refund " * 40]

    vectors = encoder.embed(texts)

    tensors = read(folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    ids = [each.ids for each in encoder._tokenizer.encode_batch(texts)]
    expected = np.array([one_by_one(tensors, each, config) for each in ids])
    assert (vectors * expected).sum(1).min() > 1 - 1e-6


@packaged
def test_the_packaged_encoder_knows_what_sentences_mean():
    encoder = Local()

    vectors = encoder.embed(
        [
            "How do I get my money back?",
            "Refunds are paid to the card that was charged.",
            "Our shop opens at nine in the morning.",
        ]
    )

    assert encoder.dimensions == 384
    assert not encoder.speaks("mn")
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2
