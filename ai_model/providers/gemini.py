"""Gemini through google-genai.

https://ai.google.dev/api/generate-content

Requests go through the SDK's own request layer as plain JSON, one step below
`generate_content()`: keys, addresses, stream decoding and errors stay the SDK's, while
its conversion to and from typed models, 1.1 of 1.3 ms of CPU per call, is left out
(`docs/explanation/outbound-http.md`). That layer makes no hidden calls: automatic
continuation and function calling live above it.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any, ClassVar, Final

import httpx2
import orjson
from django.conf import settings

from ai_model.providers import models
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
from core.exceptions import (
    PermanentProviderError,
    TemporaryProviderError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import ModuleType

    from google import genai
    from google.genai import errors, types
    from google.genai._api_client import BaseApiClient

    from ai_model.providers.base import OnText, Request
    from core.exceptions import (
        ProviderError,
    )

DEFAULT_MODEL: Final = "gemini-3.5-flash-lite"
_OWN_URL: Final = "https://generativelanguage.googleapis.com"
_ROLES: Final = {"user": "user", "assistant": "model"}
_CATEGORIES: Final = (
    "HARM_CATEGORY_HARASSMENT",
    "HARM_CATEGORY_HATE_SPEECH",
    "HARM_CATEGORY_SEXUALLY_EXPLICIT",
    "HARM_CATEGORY_DANGEROUS_CONTENT",
)
#: Angry customers are customers: only what is surely harmful is blocked.
_SAFETY: Final = [
    {"category": category, "threshold": "BLOCK_ONLY_HIGH"} for category in _CATEGORIES
]
#: Why the writing stopped; whatever is not here, also what is new, blocks the answer.
_FINISH: Final = {"STOP": Finish.STOP, "MAX_TOKENS": Finish.LENGTH}


class Gemini(Provider):
    """Speaks generateContent."""

    key: ClassVar[str] = "gemini"
    label: ClassVar[str] = "Gemini"

    def __init__(self) -> None:
        self._clients = http.PerLoop[Any]()
        #: Parts of the configuration that a model has refused, by credentials and model.
        self._refused: dict[tuple[str, str], frozenset[str]] = {}

    def is_configured(self) -> bool:
        """Whether there is a key."""
        return bool(settings.GEMINI_API_KEY)

    def default_model(self) -> str:
        """The installation's, else ours."""
        return settings.GEMINI_MODEL or DEFAULT_MODEL

    def credentials(self) -> str:
        """A digest of key and address."""
        return digest(settings.GEMINI_API_KEY, settings.GEMINI_BASE_URL)

    def prepare(self) -> None:
        """Load the SDK: half a second."""
        from google import genai  # noqa: F401

    async def complete(
        self, request: Request, on_text: OnText | None = None
    ) -> Completion:
        """Write an answer; one that is blocked or has no clean end has no text."""
        name = request.model or self.default_model()
        name = name.removeprefix("models/")
        body = _body(name, request)
        place = (self.credentials(), name)
        refused = self._refused.get(place, frozenset())
        while True:
            for field in refused:
                body["generationConfig"].pop(field, None)
            try:
                return await self._ask(name, body, request.timeout_s, on_text)
            except PermanentProviderError as exc:
                new = _refused_fields(exc) & body["generationConfig"].keys()
                if not new:
                    raise
                refused |= new
                self._refused[place] = refused

    async def _ask(
        self, name: str, body: Json, timeout_s: float, on_text: OnText | None
    ) -> Completion:
        draft = _Draft()
        try:
            if on_text is None:
                draft.add(
                    await self._call(
                        "post", f"models/{name}:generateContent", body, timeout_s
                    )
                )
            else:
                async for answer in self._stream(name, body, timeout_s):
                    if text := draft.add(answer):
                        on_text(text)
        except httpx2.HTTPError as exc:
            raise http.error_from_exception(exc, provider=self.key) from exc
        except self._errors().APIError as exc:
            raise _error(exc) from exc
        except UNREADABLE as exc:
            raise malformed(self.key) from exc
        return draft.finished(asked=name)

    async def _call(self, method: str, path: str, body: Json, timeout_s: float) -> Json:
        client, options = self._client(timeout_s)
        answer = await client.async_request(method, path, body, options)
        return object_of(orjson.loads(answer.body or "{}"))

    async def _stream(
        self, name: str, body: Json, timeout_s: float
    ) -> AsyncIterator[Json]:
        client, options = self._client(timeout_s)
        path = f"models/{name}:streamGenerateContent?alt=sse"
        async for part in await client.async_request_streamed(
            "post", path, body, options
        ):
            yield object_of(orjson.loads(part.body or "{}"))

    async def check(self, timeout_s: float) -> None:
        """List one model: proves address and key, and costs nothing."""
        try:
            await self._call("get", "models?pageSize=1", {}, timeout_s)
        except httpx2.HTTPError as exc:
            raise http.error_from_exception(exc, provider=self.key) from exc
        except self._errors().APIError as exc:
            raise _error(exc) from exc

    def _client(self, timeout_s: float) -> tuple[BaseApiClient, types.HttpOptions]:
        """The SDK's request layer for the running loop, and the options of one call."""
        from google import genai
        from google.genai import types

        clients = self._clients.here()
        name = (
            settings.GEMINI_API_KEY,
            settings.GEMINI_BASE_URL,
            settings.GEMINI_API_VERSION,
        )
        if name not in clients:
            transport = http.Outlet(trusted=True)
            clients[name] = genai.Client(
                api_key=settings.GEMINI_API_KEY,
                enterprise=False,
                http_options=types.HttpOptions(
                    api_version=settings.GEMINI_API_VERSION,
                    base_url=settings.GEMINI_BASE_URL or _OWN_URL,
                    httpx_async_client=httpx2.AsyncClient(transport=transport),
                ),
            )
        options = types.HttpOptions(timeout=max(1, round(timeout_s * 1000)))
        return clients[name]._api_client, options  # noqa: SLF001

    def _errors(self) -> ModuleType:
        from google.genai import errors

        return errors

    async def aclose(self) -> None:
        """Close the running loop's clients."""
        clients = self._clients.here()
        while clients:
            client: genai.Client = clients.popitem()[1]
            await client.aio.aclose()
            client.close()


class _Draft:
    """An answer while it is being read."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._is_blocked = False
        self._reason = ""
        self._model = ""
        self._id = ""
        self._usage: Json = {}

    def add(self, answer: Json) -> str:
        """Take in one answer or part of one; gives the text that is new."""
        self._model = answer.get("modelVersion") or self._model
        self._id = answer.get("responseId") or self._id
        self._usage = answer.get("usageMetadata") or self._usage
        if (answer.get("promptFeedback") or {}).get("blockReason"):
            self._is_blocked = True
        candidates = answer.get("candidates") or [{}]
        self._reason = candidates[0].get("finishReason") or self._reason
        parts = (candidates[0].get("content") or {}).get("parts") or ()
        text = "".join(p.get("text") or "" for p in parts if not p.get("thought"))
        self._parts.append(text)
        return text

    def finished(self, *, asked: str) -> Completion:
        """The completion; raises TemporaryProviderError where the end is missing."""
        if not self._reason and not self._is_blocked:
            raise broken_off(Gemini.key)
        text = "".join(self._parts).strip()
        finish = _FINISH.get(self._reason, Finish.BLOCKED)
        if self._is_blocked or finish is Finish.BLOCKED:
            text, finish = "", Finish.BLOCKED
        elif not text:
            finish = Finish.EMPTY
        return Completion(
            text=text,
            finish=finish,
            provider=Gemini.key,
            model=self._model or asked,
            tokens_in=self._count("promptTokenCount"),
            tokens_out=self._count("candidatesTokenCount", "thoughtsTokenCount"),
            request_id=self._id,
        )

    def _count(self, *names: str) -> int:
        return sum(int(self._usage.get(name) or 0) for name in names)


def _body(model: str, request: Request) -> Json:
    """The request on the wire; turns of one role in a row become one."""
    profile = models.lookup(Gemini.key, model)
    config: Json = {
        "maxOutputTokens": request.max_tokens,
        "temperature": request.temperature,
    }
    if profile is not None and profile.reasoning_effort:
        config["thinkingConfig"] = {"thinkingLevel": profile.reasoning_effort}
    if request.schema is not None:
        config["responseMimeType"] = "application/json"
        config["responseJsonSchema"] = dict(request.schema)
    turns = itertools.groupby(request.utterances, key=lambda said: _ROLES[said.role])
    contents: list[Json] = [
        {"role": role, "parts": [{"text": said.text} for said in turn]}
        for role, turn in turns
    ]
    if request.media:
        contents[-1]["parts"] += [
            {"inlineData": {"mimeType": each.content_type, "data": each.encoded}}
            for each in request.media
        ]
    return {
        "contents": contents,
        "systemInstruction": {"parts": [{"text": request.system}]},
        "generationConfig": config,
        "safetySettings": _SAFETY,
    }


#: What of the configuration may be left out, by the words of a refusal that names it.
_OPTIONAL: Final = {
    "thinking": frozenset({"thinkingConfig"}),
    **dict.fromkeys(
        ("jsonschema", "json_schema", "json schema", "json mode", "mime"),
        frozenset({"responseJsonSchema", "responseMimeType"}),
    ),
}


def _refused_fields(error: ProviderError) -> frozenset[str]:
    if error.status != 400:
        return frozenset()
    said = str(error.__cause__).casefold()
    found = (fields for word, fields in _OPTIONAL.items() if word in said)
    return frozenset[str]().union(*found)


def _error(error: errors.APIError) -> ProviderError:
    """What the SDK raised, as one of ours."""
    details = _details(error)
    reasons = {str(detail.get("reason")) for detail in details}
    status = int(error.code or 0)
    code = (error.status or "").lower()
    kind: type[ProviderError] = PermanentProviderError
    if "API_KEY_INVALID" in reasons:
        code = "api_key_invalid"
    elif status == 400 and "Unknown name" in (error.message or ""):
        code = "unknown_field"
    elif status == 429 and "PerDay" in str(details):
        code = "insufficient_quota"
    elif status in {408, 429} or status >= 500:
        kind = TemporaryProviderError
    message = f"gemini answered {status}."
    if code == "unknown_field":
        message += (
            " Its API version lacks a field that we send: set GEMINI_API_VERSION."
        )
    delays = [str(detail["retryDelay"]) for detail in details if "retryDelay" in detail]
    return kind(
        message,
        provider=Gemini.key,
        status=status or None,
        code=code or None,
        retry_after=_seconds(delays[0]) if delays else None,
    )


def _details(error: errors.APIError) -> list[Json]:
    """The typed details of an error, wherever they were put."""
    body: Any = error.details
    if isinstance(body, list) and body:
        body = body[0]
    inner = body.get("error") if isinstance(body, dict) else None
    found = inner.get("details") if isinstance(inner, dict) else None
    return [detail for detail in found or () if isinstance(detail, dict)]


def _seconds(duration: str) -> float | None:
    """A protocol duration such as `"12.5s"` in seconds."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)s", duration)
    return float(match[1]) if match else None
