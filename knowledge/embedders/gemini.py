"""Vectors from Gemini.

https://ai.google.dev/api/embeddings

One request per text inside a batch: given as parts of one content, some models make
a single vector of all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from knowledge.embedders.remote import Json, Remote

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_MODEL: Final = "gemini-embedding-001"
_DEFAULT_DIMENSIONS: Final = 768
_OWN_URL: Final = "https://generativelanguage.googleapis.com"
#: Takes the use of a text as a field; its successors do not.
_TAKES_TASK: Final = frozenset({"gemini-embedding-001"})


class Gemini(Remote):
    """Speaks `batchEmbedContents`."""

    provider: ClassVar[str] = "gemini"

    def __init__(
        self,
        *,
        model: str = "",
        url: str = "",
        api_version: str = "v1beta",
        api_key: str,
        dimensions: int = 0,
    ) -> None:
        model = (model or DEFAULT_MODEL).removeprefix("models/")
        base = url.rstrip("/") or _OWN_URL
        super().__init__(
            model=model,
            url=f"{base}/{api_version}/models/{model}:batchEmbedContents",
            api_key=api_key,
            dimensions=dimensions or _DEFAULT_DIMENSIONS,
        )

    def _headers(self) -> dict[str, str]:
        return {"x-goog-api-key": self._api_key}

    def _body(self, texts: Sequence[str], *, are_queries: bool) -> Json:
        shared: Json = {
            "model": f"models/{self._model}",
            "outputDimensionality": self._asked_dimensions,
        }
        if self._model in _TAKES_TASK:
            shared["taskType"] = (
                "RETRIEVAL_QUERY" if are_queries else "RETRIEVAL_DOCUMENT"
            )
        return {
            "requests": [
                shared | {"content": {"parts": [{"text": text}]}} for text in texts
            ]
        }

    def _read(self, answer: Json) -> Sequence[Any]:
        return [each["values"] for each in answer["embeddings"]]
