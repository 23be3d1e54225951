"""OpenAI through the Responses API, and compatible servers through chat completions.

https://developers.openai.com/api/docs/api-reference/responses

A streamed answer comes through the SDK, which decodes it; a whole one is one POST of
plain JSON, for which the SDK costs more than all else in a turn
(`docs/decisions/005`).
"""

from __future__ import annotations

import asyncio
import functools
import importlib
from typing import TYPE_CHECKING, Any, ClassVar, Final

import httpx2
import orjson
from django.conf import settings

from ai_model.providers import openai_errors
from ai_model.providers.base import Provider
from ai_model.providers.openai_errors import KEY
from ai_model.providers.openai_styles import Chat, Responses
from ai_model.providers.reading import UNREADABLE, digest, malformed, object_of
from core import http
from core.exceptions import PermanentProviderError

if TYPE_CHECKING:
    import openai

    from ai_model.providers.base import Completion, OnText, Request
    from ai_model.providers.openai_styles import Draft, Style
    from ai_model.providers.reading import Json
    from core.calls import Response

DEFAULT_MODEL: Final = "gpt-6-luna"
_OWN_HOST: Final = "api.openai.com"
_CONNECT_TIMEOUT_S: Final = 5.0
#: Fields that some models refuse; without them the answer is as good.
_OPTIONAL: Final = frozenset(
    {
        "temperature",
        "reasoning",
        "reasoning_effort",
        "safety_identifier",
        "text",
        "response_format",
    }
)


class OpenAI(Provider):
    """Speaks the Responses API to OpenAI, chat completions to everybody else."""

    key: ClassVar[str] = KEY
    label: ClassVar[str] = "OpenAI"

    def __init__(self) -> None:
        self._clients = http.PerLoop[Any]()
        #: Fields that a model has refused, by credentials and model.
        self._refused: dict[tuple[str, str], frozenset[str]] = {}

    def is_configured(self) -> bool:
        """Whether there is a key; a compatible server takes any."""
        return bool(settings.OPENAI_API_KEY)

    def default_model(self) -> str:
        """The installation's, else ours."""
        return settings.OPENAI_MODEL or DEFAULT_MODEL

    def reads(self, model: str) -> frozenset[str]:
        """As is known of the model, or as the operator says of a compatible server's."""
        if settings.OPENAI_READS_IMAGES and not _is_own():
            return frozenset({"image"})
        return super().reads(model)

    def credentials(self) -> str:
        """A digest of key and address."""
        return digest(settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL)

    async def complete(
        self, request: Request, on_text: OnText | None = None
    ) -> Completion:
        """Write an answer; optional fields that the model refuses are left out once."""
        name = request.model or self.default_model()
        style = Responses() if _speaks_responses() else Chat(is_own=_is_own())
        body = style.body(name, request)
        refused = self._refused.get((self.credentials(), name), frozenset())
        for field in refused:
            body.pop(field, None)
        while True:
            try:
                return await self._ask(style, body, request.timeout_s, on_text)
            except PermanentProviderError as exc:
                field = openai_errors.refused_field(exc, _OPTIONAL & body.keys())
                if not field:
                    raise
                refused |= {field}
                self._refused[self.credentials(), name] = refused
                del body[field]

    async def _ask(
        self, style: Style, body: Json, timeout_s: float, on_text: OnText | None
    ) -> Completion:
        try:
            if on_text is None:
                answer = await self._post(style.path, body, timeout_s)
                completion = style.read(object_of(orjson.loads(answer.content)))
                request_id = answer.headers.get("x-request-id", "")
            else:
                completion, request_id = await self._stream(
                    style, body, timeout_s, on_text
                )
        except UNREADABLE as exc:
            raise malformed(self.key) from exc
        return completion.finished(request_id=request_id, asked=body["model"])

    async def _post(self, path: str, body: Json, timeout_s: float) -> Response:
        """One whole answer, without the SDK; docs/decisions/005 says why."""
        answer = await http.request(
            "POST",
            _base_url() + path,
            provider=self.key,
            trusted=True,
            repeatable=True,
            headers={"Authorization": f"Bearer {settings.OPENAI_API_KEY}"},
            json=body,
            timeout_s=timeout_s,
            check=False,
        )
        if answer.status_code >= 300:
            refusal = openai_errors.Refusal.of(answer)
            raise openai_errors.of_response(answer, refusal.code) from refusal
        return answer

    async def _stream(
        self, style: Style, body: Json, timeout_s: float, on_text: OnText
    ) -> tuple[Draft, str]:
        # Half a second, the first time.
        openai: Any = await asyncio.to_thread(importlib.import_module, "openai")
        try:
            stream = await self._client().post(
                style.path,
                content=orjson.dumps(body | style.streaming),
                cast_to=object,
                options={"timeout": _timeout(timeout_s), "max_retries": 0},
                stream=True,
                stream_cls=openai.AsyncStream[object],
            )
            async with stream:
                draft = await style.follow(stream, on_text)
        except openai.APIError as exc:
            raise openai_errors.from_sdk(exc) from exc
        except httpx2.HTTPError as exc:
            raise http.error_from_exception(exc, provider=self.key) from exc
        return draft, stream.response.headers.get("x-request-id", "")

    async def check(self, timeout_s: float) -> None:
        """List the models: proves address and key, and costs nothing."""
        import openai

        try:
            await self._client().get(
                "/models",
                cast_to=httpx2.Response,
                options={"timeout": _timeout(timeout_s), "max_retries": 0},
            )
        except openai.APIError as exc:
            raise openai_errors.from_sdk(exc) from exc

    def _client(self) -> openai.AsyncOpenAI:
        clients = self._clients.here()
        name = (settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL)
        if name not in clients:
            import openai

            clients[name] = openai.AsyncOpenAI(
                api_key=settings.OPENAI_API_KEY,
                base_url=_base_url(),
                max_retries=0,
                http_client=httpx2.AsyncClient(transport=http.Outlet(trusted=True)),
            )
        return clients[name]  # type: ignore[no-any-return]

    async def aclose(self) -> None:
        """Close the running loop's clients."""
        clients = self._clients.here()
        while clients:
            await clients.popitem()[1].close()


def _is_own() -> bool:
    """Whether requests go to OpenAI itself."""
    return not settings.OPENAI_BASE_URL or _host(settings.OPENAI_BASE_URL) == _OWN_HOST


@functools.cache
def _host(url: str) -> str:
    return httpx2.URL(url).host


def _speaks_responses() -> bool:
    if settings.OPENAI_API_STYLE:
        return bool(settings.OPENAI_API_STYLE == "responses")
    return _is_own()


def _timeout(timeout_s: float) -> httpx2.Timeout:
    return httpx2.Timeout(timeout_s, connect=min(_CONNECT_TIMEOUT_S, timeout_s))


def _base_url() -> str:
    return settings.OPENAI_BASE_URL.rstrip("/") or f"https://{_OWN_HOST}/v1"
