"""Vectors from OpenAI, or from any server that speaks its embeddings API.

https://developers.openai.com/api/docs/api-reference/embeddings
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from knowledge.embedders.remote import Json, Remote

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_MODEL: Final = "text-embedding-3-small"
#: A third of the full length loses next to nothing and costs a third of the memory.
_DEFAULT_DIMENSIONS: Final = 512
_OWN_URL: Final = "https://api.openai.com/v1"
#: Models that can be asked for shorter vectors begin like this.
_SHORTENED: Final = "text-embedding-3"


class OpenAI(Remote):
    """Speaks `POST /embeddings`."""

    provider: ClassVar[str] = "openai"

    def __init__(
        self, *, model: str = "", url: str = "", api_key: str, dimensions: int = 0
    ) -> None:
        model = model or DEFAULT_MODEL
        base = url.rstrip("/") or _OWN_URL
        if not dimensions and model.startswith(_SHORTENED):
            dimensions = _DEFAULT_DIMENSIONS
        super().__init__(
            model=model,
            url=f"{base}/embeddings",
            api_key=api_key,
            dimensions=dimensions,
        )

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._api_key}"}

    def _body(self, texts: Sequence[str], *, are_queries: bool) -> Json:
        body: Json = {"model": self._model, "input": list(texts)}
        if self._asked_dimensions:
            body["dimensions"] = self._asked_dimensions
        return body

    def _read(self, answer: Json) -> Sequence[Any]:
        found = sorted(answer["data"], key=lambda each: each["index"])
        if [each["index"] for each in found] != list(range(len(found))):
            raise ValueError("An index is missing or comes twice.")
        return [each["embedding"] for each in found]
