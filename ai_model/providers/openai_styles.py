"""The two APIs that OpenAI and compatible servers speak: what is asked, what is read.

https://developers.openai.com/api/docs/api-reference/responses

Reading their JSON ourselves also takes what compatible servers leave out or add.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from ai_model.providers import models, openai_errors
from ai_model.providers.base import Completion, Finish
from ai_model.providers.openai_errors import KEY
from ai_model.providers.reading import Json, broken_off, object_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

    from ai_model.providers.base import Media, OnText, Request


class Draft:
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
            provider=KEY,
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


def _count(usage: Json, *names: str) -> int:
    return next((int(usage[name]) for name in names if usage.get(name)), 0)


class Style:
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

    def read(self, answer: Json) -> Draft:
        """Read a whole answer."""
        raise NotImplementedError

    async def follow(self, events: AsyncIterator[object], on_text: OnText) -> Draft:
        """Read an answer event by event; raises unless it comes to its end."""
        raise NotImplementedError


class Responses(Style):
    """The Responses API, which OpenAI speaks."""

    path: ClassVar[str] = "/responses"
    streaming: ClassVar[Json] = {"stream": True}

    def body(self, model: str, request: Request) -> Json:
        profile = models.lookup(KEY, model)
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

    def read(self, answer: Json) -> Draft:
        status = answer.get("status") or "completed"
        if status not in {"completed", "incomplete"}:
            raise openai_errors.of_body(answer.get("error"))
        draft = Draft()
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

    async def follow(self, events: AsyncIterator[object], on_text: OnText) -> Draft:
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
        raise broken_off(KEY)


class Chat(Style):
    """Chat completions, which compatible servers speak, and OpenAI too."""

    path: ClassVar[str] = "/chat/completions"
    streaming: ClassVar[Json] = {
        "stream": True,
        "stream_options": {"include_usage": True},
    }

    def __init__(self, *, is_own: bool) -> None:
        #: Whether the server is OpenAI's own.
        self._is_own = is_own

    def body(self, model: str, request: Request) -> Json:
        profile = models.lookup(KEY, model) if self._is_own else None
        limit = "max_completion_tokens" if self._is_own else "max_tokens"
        system = {"role": "system", "content": request.system}
        body: Json = {
            "model": model,
            "messages": [system, *_messages(request, self.parts)],
            limit: request.max_tokens,
        }
        if profile is not None and profile.reasoning_effort:
            body["reasoning_effort"] = profile.reasoning_effort
        if profile.takes_temperature if profile is not None else not self._is_own:
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

    def read(self, answer: Json) -> Draft:
        if answer.get("error"):
            raise openai_errors.of_body(answer["error"])
        draft = Draft()
        draft.model = answer.get("model") or ""
        draft.usage = answer.get("usage") or {}
        choice = object_of(answer["choices"][0])
        message = choice.get("message") or {}
        draft.parts.append(message.get("content") or "")
        draft.refused = bool(message.get("refusal"))
        draft.reason = choice.get("finish_reason") or "stop"
        return draft

    async def follow(self, events: AsyncIterator[object], on_text: OnText) -> Draft:
        draft = Draft()
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
            raise broken_off(KEY)
        return draft


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
