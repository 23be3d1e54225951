"""A tiny encoder with random weights, as a folder of its published files."""

import json

import numpy as np

WORDS = "[PAD] [UNK] [CLS] [SEP] where is my parcel card lost ship ##ping takes days ?"
LAYERS = 2
PLACES = 12
CONFIG = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_attention_heads": 4,
    "num_hidden_layers": LAYERS,
    "layer_norm_eps": 1e-12,
    "pad_token_id": 0,
}


def tensors_of(seed=0):
    """Random tensors under their published names."""
    random = np.random.default_rng(seed)
    wide, narrow = CONFIG["intermediate_size"], CONFIG["hidden_size"]
    found = {
        "embeddings.word_embeddings.weight": (len(WORDS.split()), narrow),
        "embeddings.position_embeddings.weight": (PLACES, narrow),
        "embeddings.token_type_embeddings.weight": (2, narrow),
        "embeddings.LayerNorm.weight": (narrow,),
        "embeddings.LayerNorm.bias": (narrow,),
    }
    for number in range(LAYERS):
        name = f"encoder.layer.{number}"
        for part, (rows, columns) in {
            "attention.self.query": (narrow, narrow),
            "attention.self.key": (narrow, narrow),
            "attention.self.value": (narrow, narrow),
            "attention.output.dense": (narrow, narrow),
            "intermediate.dense": (wide, narrow),
            "output.dense": (narrow, wide),
        }.items():
            found[f"{name}.{part}.weight"] = (rows, columns)
            found[f"{name}.{part}.bias"] = (rows,)
        for part in ("attention.output.LayerNorm", "output.LayerNorm"):
            found[f"{name}.{part}.weight"] = (narrow,)
            found[f"{name}.{part}.bias"] = (narrow,)
    # Biases as large as weights would drown what tells one text from another.
    return {
        name: (
            random.normal("LayerNorm.weight" in name, 0.1, shape)
            if len(shape) == 1
            else random.normal(0, 0.7, shape)
        ).astype(np.float32)
        for name, shape in found.items()
    }


def write_tensors(path, tensors):
    """Write a `safetensors` file."""
    names = {np.dtype(np.float32): "F32", np.dtype(np.float16): "F16"}
    header, start = {"__metadata__": {"format": "pt"}}, 0
    for name, tensor in tensors.items():
        header[name] = {
            "dtype": names[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, start + tensor.nbytes],
        }
        start += tensor.nbytes
    head = json.dumps(header).encode()
    body = b"".join(tensor.tobytes() for tensor in tensors.values())
    path.write_bytes(len(head).to_bytes(8, "little") + head + body)


def write_encoder(folder, *, seed=0, tensors=None, **config):
    """Write an encoder; gives the folder."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    folder.mkdir(exist_ok=True)
    places = {word: place for place, word in enumerate(WORDS.split())}
    tokenizer = Tokenizer(models.WordPiece(places, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    # As published ones come: padded and cut for training.
    tokenizer.enable_padding(length=9)
    tokenizer.enable_truncation(5)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps(CONFIG | config))
    write_tensors(folder / "model.safetensors", tensors or tensors_of(seed))
    return folder
