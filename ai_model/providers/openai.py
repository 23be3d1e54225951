"""OpenAI through the Responses API, and compatible servers through chat completions.

https://developers.openai.com/api/docs/api-reference/responses

A streamed answer comes through the SDK, which decodes it; a whole one is one POST of
plain JSON, for which the SDK costs more than all else in a turn
(`docs/decisions/005`). Reading JSON ourselves also takes what compatible servers leave
out or add.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
from typing import TYPE_CHECKING, Any, ClassVar, Final

import httpx2
import orjson
from django.conf import settings

from ai_model.providers import models, openai_errors
from ai_model.providers.base import Completion, Finish, Provider
from ai_model.providers.reading import (
    UNREADABLE,
    Json,
    broken_off,
    digest,
    malformed,
    object_of,
)
from core import http
from core.exceptions import PermanentProviderError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

    import openai

    from ai_model.providers.base import Media, OnText, Request

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

    key: ClassVar[str] = "openai"
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
        style = _Responses() if _speaks_responses() else _Chat()
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
        self, style: _Style, body: Json, timeout_s: float, on_text: OnText | None
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

    async def _post(self, path: str, body: Json, timeout_s: float) -> httpx2.Response:
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
        self, style: _Style, body: Json, timeout_s: float, on_text: OnText
    ) -> tuple[_Draft, str]:
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


class _Draft:
    """An answer while it is being read."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.refused = False
        self.reason = ""  # until the provider has said that it is done
        self.model = ""
        self.usage: Json = {}

    def finished(self, *, request_id: str, asked: str) -> Completion:
        """The completion; a refusal or a blocked answer has no text."""
        text = "".join(self.parts).strip()
        finish = _FINISH.get(self.reason, Finish.STOP)
        if self.refused or finish is Finish.BLOCKED:
            text, finish = "", Finish.BLOCKED
        elif not text:
            finish = Finish.EMPTY
        usage = self.usage
        return Completion(
            text=text,
            finish=finish,
            provider=OpenAI.key,
            model=self.model or asked,
            tokens_in=_count(usage, "input_tokens", "prompt_tokens"),
            tokens_out=_count(usage, "output_tokens", "completion_tokens"),
            request_id=request_id,
        )


#: Why the writing stopped, in the words of both APIs; any other word is a plain stop.
_FINISH: Final = {
    "length": Finish.LENGTH,
    "max_output_tokens": Finish.LENGTH,
    "content_filter": Finish.BLOCKED,
}


class _Style:
    """One of the two APIs."""

    path: ClassVar[str]
    #: What is added to a request that is to be streamed.
    streaming: ClassVar[Json]

    def body(self, model: str, request: Request) -> Json:
        """The request on the wire."""
        raise NotImplementedError

    def parts(self, text: str, pictures: Iterable[Media]) -> list[Json]:
        """A message with pictures."""
        raise NotImplementedError

    def read(self, answer: Json) -> _Draft:
        """Read a whole answer."""
        raise NotImplementedError

    async def follow(self, events: AsyncIterator[object], on_text: OnText) -> _Draft:
        """Read an answer event by event; raises unless it comes to its end."""
        raise NotImplementedError


class _Responses(_Style):
    path: ClassVar[str] = "/responses"
    streaming: ClassVar[Json] = {"stream": True}

    def body(self, model: str, request: Request) -> Json:
        profile = models.lookup(OpenAI.key, model)
        body: Json = {
            "model": model,
            "instructions": request.system,
            "input": _messages(request, self.parts),
            "store": False,
            "max_output_tokens": request.max_tokens,
        }
        if profile is not None and profile.reasoning_effort:
            body["reasoning"] = {"effort": profile.reasoning_effort}
        if profile is not None and profile.takes_temperature:
            body["temperature"] = request.temperature
        if request.contact_hash:
            body["safety_identifier"] = request.contact_hash
        if request.schema is not None:
            body["text"] = {"format": {"type": "json_schema", **_shape(request.schema)}}
        return body

    def parts(self, text: str, pictures: Iterable[Media]) -> list[Json]:
        return [
            {"type": "input_text", "text": text},
            *(
                {"type": "input_image", "detail": "auto", "image_url": _data_url(each)}
                for each in pictures
            ),
        ]

    def read(self, answer: Json) -> _Draft:
        status = answer.get("status") or "completed"
        if status not in {"completed", "incomplete"}:
            raise openai_errors.of_body(answer.get("error"))
        draft = _Draft()
        for item in answer.get("output") or ():
            for part in item.get("content") or ():
                if part.get("type") == "refusal":
                    draft.refused = True
                elif part.get("type") == "output_text":
                    draft.parts.append(part.get("text") or "")
        details = answer.get("incomplete_details") or {}
        draft.reason = details.get("reason") or status
        draft.model = answer.get("model") or ""
        draft.usage = answer.get("usage") or {}
        return draft

    async def follow(self, events: AsyncIterator[object], on_text: OnText) -> _Draft:
        parts: list[str] = []
        async for event in events:
            data = object_of(event)
            kind = data.get("type")
            if kind == "response.output_text.delta":
                parts.append(data["delta"])
                on_text(data["delta"])
            elif kind in {"response.completed", "response.incomplete"}:
                draft = self.read(object_of(data["response"]))
                draft.parts = draft.parts or parts
                return draft
            elif kind == "response.failed":
                raise openai_errors.of_body(object_of(data["response"]).get("error"))
            elif kind == "error":
                raise openai_errors.of_body(data)
        raise broken_off(OpenAI.key)


class _Chat(_Style):
    path: ClassVar[str] = "/chat/completions"
    streaming: ClassVar[Json] = {
        "stream": True,
        "stream_options": {"include_usage": True},
    }

    def body(self, model: str, request: Request) -> Json:
        profile = models.lookup(OpenAI.key, model) if _is_own() else None
        limit = "max_completion_tokens" if _is_own() else "max_tokens"
        system = {"role": "system", "content": request.system}
        body: Json = {
            "model": model,
            "messages": [system, *_messages(request, self.parts)],
            limit: request.max_tokens,
        }
        if profile is not None and profile.reasoning_effort:
            body["reasoning_effort"] = profile.reasoning_effort
        if profile.takes_temperature if profile is not None else not _is_own():
            body["temperature"] = request.temperature
        if request.schema is not None:
            shape = _shape(request.schema)
            body["response_format"] = {"type": "json_schema", "json_schema": shape}
        return body

    def parts(self, text: str, pictures: Iterable[Media]) -> list[Json]:
        return [
            {"type": "text", "text": text},
            *(
                {"type": "image_url", "image_url": {"url": _data_url(each)}}
                for each in pictures
            ),
        ]

    def read(self, answer: Json) -> _Draft:
        if answer.get("error"):
            raise openai_errors.of_body(answer["error"])
        draft = _Draft()
        draft.model = answer.get("model") or ""
        draft.usage = answer.get("usage") or {}
        choice = object_of(answer["choices"][0])
        message = choice.get("message") or {}
        draft.parts.append(message.get("content") or "")
        draft.refused = bool(message.get("refusal"))
        draft.reason = choice.get("finish_reason") or "stop"
        return draft

    async def follow(self, events: AsyncIterator[object], on_text: OnText) -> _Draft:
        draft = _Draft()
        async for event in events:
            data = object_of(event)
            draft.model = data.get("model") or draft.model
            draft.usage = data.get("usage") or draft.usage
            for choice in data.get("choices") or ():
                delta = choice.get("delta") or {}
                draft.refused = draft.refused or bool(delta.get("refusal"))
                draft.reason = choice.get("finish_reason") or draft.reason
                if text := delta.get("content"):
                    draft.parts.append(text)
                    on_text(text)
        if not draft.reason:
            raise broken_off(OpenAI.key)
        return draft


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


def _messages(
    request: Request, parts: Callable[[str, Iterable[Media]], list[Json]]
) -> list[Json]:
    found: list[Json] = [
        {"role": said.role, "content": said.text} for said in request.utterances
    ]
    if request.media:
        found[-1]["content"] = parts(found[-1]["content"], request.media)
    return found


def _data_url(picture: Media) -> str:
    return f"data:{picture.content_type};base64,{picture.encoded}"


def _shape(schema: Mapping[str, Any]) -> Json:
    return {"name": "reply", "schema": dict(schema), "strict": True}


def _timeout(timeout_s: float) -> httpx2.Timeout:
    return httpx2.Timeout(timeout_s, connect=min(_CONNECT_TIMEOUT_S, timeout_s))


def _count(usage: Json, *names: str) -> int:
    return next((int(usage[name]) for name in names if usage.get(name)), 0)


def _base_url() -> str:
    return settings.OPENAI_BASE_URL.rstrip("/") or f"https://{_OWN_HOST}/v1"
