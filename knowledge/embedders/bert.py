"""The forward pass of a BERT-like sentence encoder in numpy.

https://huggingface.co/docs/transformers/model_doc/bert

Texts of a batch are laid end to end, so no step works on padding; only attention looks
at each text by itself, texts of one length together.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from knowledge.embedders.base import Floats, unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Coefficients of x, x³ and x⁵ under tanh, fitted so that `gelu` is within 3e-5 of
#: its definition by the error function, which numpy lacks.
_GELU: Final = (0.797507884, 0.0370056471, -0.000351517263)
#: Square from which on the fit would turn; there the value is already that of x or 0.
_GELU_END: Final = 36.0


def gelu(x: Floats) -> Floats:
    """The activation between the two halves of a layer, in place."""
    inner = np.minimum(np.square(x), _GELU_END)
    powers = inner * np.float32(_GELU[2])
    powers += np.float32(_GELU[1])
    powers *= inner
    powers += np.float32(_GELU[0])
    powers *= x
    np.tanh(powers, out=powers)
    powers += np.float32(1)
    x *= np.float32(0.5)
    x *= powers
    return x


class _Linear:
    """Weights and bias; the rows of several are joined to one product."""

    def __init__(self, tensors: Mapping[str, Floats], *names: str) -> None:
        # Kept the way in which BLAS reads them fastest: inputs by outputs.
        self._weight = np.ascontiguousarray(
            np.concatenate([tensors[f"{name}.weight"] for name in names]).T,
            dtype=np.float32,
        )
        self._bias = np.concatenate(
            [tensors[f"{name}.bias"] for name in names], dtype=np.float32
        )

    def __call__(self, x: Floats) -> Floats:
        out = x @ self._weight
        out += self._bias
        return out


class _Norm:
    """Layer normalisation, in place."""

    def __init__(self, tensors: Mapping[str, Floats], name: str, eps: float) -> None:
        self._weight = np.array(tensors[f"{name}.weight"], dtype=np.float32)
        self._bias = np.array(tensors[f"{name}.bias"], dtype=np.float32)
        self._eps = np.float32(eps)

    def __call__(self, x: Floats) -> Floats:
        x -= x.mean(axis=1, keepdims=True)
        variance = np.einsum("ij,ij->i", x, x) / np.float32(x.shape[1])
        x *= (1 / np.sqrt(variance + self._eps))[:, None]
        x *= self._weight
        x += self._bias
        return x


@dataclass(frozen=True, slots=True)
class _Span:
    """Texts of one length that lie side by side in a batch."""

    start: int
    count: int
    length: int

    @property
    def rows(self) -> slice:
        return slice(self.start, self.start + self.count * self.length)


class _Layer:
    """One layer: attention, then two dense halves, each added to what came in."""

    def __init__(
        self, tensors: Mapping[str, Floats], name: str, *, heads: int, eps: float
    ) -> None:
        inner = f"{name}.attention"
        self._heads = heads
        self._qkv = _Linear(
            tensors, *(f"{inner}.self.{part}" for part in ("query", "key", "value"))
        )
        self._out = _Linear(tensors, f"{inner}.output.dense")
        self._norm = _Norm(tensors, f"{inner}.output.LayerNorm", eps)
        self._widen = _Linear(tensors, f"{name}.intermediate.dense")
        self._narrow = _Linear(tensors, f"{name}.output.dense")
        self._last_norm = _Norm(tensors, f"{name}.output.LayerNorm", eps)

    def __call__(self, x: Floats, spans: Sequence[_Span]) -> Floats:
        x += self._out(self._attend(self._qkv(x), spans))
        x = self._norm(x)
        x += self._narrow(gelu(self._widen(x)))
        return self._last_norm(x)

    def _attend(self, qkv: Floats, spans: Sequence[_Span]) -> Floats:
        width = qkv.shape[1] // 3
        size = width // self._heads
        qkv[:, :width] *= np.float32(1 / np.sqrt(size))
        out = np.empty((len(qkv), width), dtype=np.float32)
        for span in spans:
            shape = (span.count, span.length, 3, self._heads, size)
            # By part, text and head.
            q, k, v = qkv[span.rows].reshape(shape).transpose(2, 0, 3, 1, 4)
            scores = q @ k.swapaxes(-1, -2)
            scores -= scores.max(axis=-1, keepdims=True)
            np.exp(scores, out=scores)
            scores /= scores.sum(axis=-1, keepdims=True)
            mixed = (scores @ v).transpose(0, 2, 1, 3)
            out[span.rows] = mixed.reshape(-1, width)
        return out


class Bert:
    """An encoder from its configuration and tensors, by their published names."""

    def __init__(
        self,
        config: Mapping[str, Any],
        tensors: Mapping[str, Floats],
        *,
        takes_first: bool = False,
    ) -> None:
        eps = float(config["layer_norm_eps"])
        #: Left where they lie, in a mapped file, so that only used rows cost memory.
        self._words = tensors["embeddings.word_embeddings.weight"]
        # What these models are given is always of the first type.
        self._positions = np.add(
            tensors["embeddings.position_embeddings.weight"],
            tensors["embeddings.token_type_embeddings.weight"][0],
            dtype=np.float32,
        )
        #: Positions of this family count from behind the padding's own number.
        self._first_position = (
            int(config["pad_token_id"]) + 1
            if config["model_type"] == "xlm-roberta"
            else 0
        )
        self._norm = _Norm(tensors, "embeddings.LayerNorm", eps)
        self._layers = [
            _Layer(
                tensors,
                f"encoder.layer.{number}",
                heads=int(config["num_attention_heads"]),
                eps=eps,
            )
            for number in range(int(config["num_hidden_layers"]))
        ]
        self._takes_first = takes_first
        self.dimensions = int(config["hidden_size"])
        #: Tokens beyond this have no place.
        self.longest = len(self._positions) - self._first_position

    def encode(self, batch: Sequence[Sequence[int]]) -> Floats:
        """Vectors of unit length for texts given as token ids, shortest first."""
        spans: list[_Span] = []
        start = 0
        for length, group in groupby(batch, key=len):
            spans.append(_Span(start, len(list(group)), length))
            start += spans[-1].count * length
        ids = np.fromiter((each for text in batch for each in text), np.int64, start)
        places = np.concatenate(
            [np.tile(np.arange(span.length), span.count) for span in spans]
        )
        x = np.asarray(self._words[ids], dtype=np.float32)
        x += self._positions[places + self._first_position]
        x = self._norm(x)
        for layer in self._layers:
            x = layer(x, spans)
        return unit(np.concatenate([self._pool(x, span) for span in spans]))

    def _pool(self, x: Floats, span: _Span) -> Floats:
        texts = x[span.rows].reshape(span.count, span.length, -1)
        if self._takes_first:
            return np.asarray(texts[:, 0])
        return np.asarray(texts.mean(axis=1))
