"""What encoders at the other end of a line share."""

from __future__ import annotations

import hashlib
import itertools
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from core import http
from core.exceptions import PermanentProviderError, TemporaryProviderError
from knowledge.embedders.base import Embedder, Floats, unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from concurrent.futures import Executor

    from core.calls import Response
    from core.exceptions import ProviderError

Json = dict[str, Any]
#: Characters of a text beyond which it is cut: what the smallest of them reads.
_LONGEST: Final = 6000
_MOST_BYTES: Final = 32 * 1024 * 1024
#: Error codes that another try would meet again, whatever the status says.
_FINAL_CODES: Final = frozenset({"insufficient_quota", "billing_hard_limit_reached"})


class Remote(Embedder):
    """Asks a service for vectors, a batch per request, and reads them with care."""

    provider: ClassVar[str]
    batch: ClassVar[int] = 64

    def __init__(self, *, model: str, url: str, api_key: str, dimensions: int) -> None:
        self._model = model
        self.billed = (self.provider, model)
        self._url = url
        self._api_key = api_key
        self._asked_dimensions = self.dimensions = dimensions
        place = hashlib.sha256(f"{model}\n{url}\n{dimensions}".encode()).hexdigest()
        self.key = f"{self.provider}:{model[:70]}@{place[:12]}"

    def embed(self, texts: Sequence[str], *, are_queries: bool = False) -> Floats:
        """As `aembed`, for code that has no loop."""
        return http.run(self.aembed(texts, are_queries=are_queries))

    async def aembed(
        self,
        texts: Sequence[str],
        *,
        are_queries: bool = False,
        timeout_s: float = 30.0,
        threads: Executor | None = None,
    ) -> Floats:
        """One row of unit length per text, in requests of `batch` texts."""
        rows = np.empty((0, self.dimensions), np.float32)
        parts = [
            await self._ask(part, timeout_s, are_queries=are_queries)
            for part in _parts([text[:_LONGEST] for text in texts], self.batch)
        ]
        return np.concatenate(parts) if parts else rows

    def _body(self, texts: Sequence[str], *, are_queries: bool) -> Json:
        """The request on the wire."""
        raise NotImplementedError

    def _headers(self) -> dict[str, str]:
        """What proves who asks."""
        raise NotImplementedError

    def _read(self, answer: Json) -> Sequence[Any]:
        """The vectors of an answer, in the order of the texts."""
        raise NotImplementedError

    async def _ask(
        self, texts: Sequence[str], timeout_s: float, *, are_queries: bool
    ) -> Floats:
        response = await http.request(
            "POST",
            self._url,
            provider=self.provider,
            trusted=True,
            repeatable=True,
            headers=self._headers(),
            json=self._body(texts, are_queries=are_queries),
            timeout_s=timeout_s,
            max_bytes=_MOST_BYTES,
            check=False,
        )
        if response.status_code >= 300:
            raise _refusal(response, self.provider)
        answer = http.json_of(response, provider=self.provider)
        try:
            rows = np.array(self._read(answer), dtype=np.float32)
        except (ValueError, TypeError, LookupError, AttributeError) as exc:
            raise self._malformed() from exc
        wanted = (len(texts), self.dimensions or rows.shape[-1])
        if rows.shape != wanted or not rows.size or not np.isfinite(rows).all():
            raise self._malformed()
        self.dimensions = rows.shape[1]
        return unit(rows)

    def _malformed(self) -> TemporaryProviderError:
        return TemporaryProviderError(
            f"{self.provider} did not give one vector for each text.",
            provider=self.provider,
            code="malformed_answer",
        )


def _parts(texts: Sequence[str], size: int) -> Iterator[list[str]]:
    rest = iter(texts)
    while part := list(itertools.islice(rest, size)):
        yield part


def _refusal(response: Response, provider: str) -> ProviderError:
    """The error of a status, refined by what its body says."""
    found = http.error_from_response(response, provider=provider)
    try:
        said = http.json_of(response, provider=provider)["error"]
        details = [each for each in said.get("details") or () if "@type" in each]
        code = said.get("status") or said.get("code") or said.get("type")
    except (TemporaryProviderError, LookupError, TypeError, AttributeError):
        return found
    if any(each.get("reason") == "API_KEY_INVALID" for each in details):
        code = "api_key_invalid"
    code = str(code or "").lower()
    kind = PermanentProviderError if code in _FINAL_CODES else type(found)
    return kind(
        str(found),
        provider=provider,
        status=found.status,
        retry_after=found.retry_after or _delay_s(details),
        code=code or None,
    )


def _delay_s(details: Sequence[Mapping[str, Any]]) -> float | None:
    """The pause that Google's details ask for, such as `"12.5s"`."""
    for each in details:
        delay = str(each.get("retryDelay") or "").removesuffix("s")
        if delay.replace(".", "", 1).isdigit():
            return float(delay)
    return None
