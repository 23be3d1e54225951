"""The wire formats of the model providers, as `loopback.py` writes them.

Each dialect gives one answer in two shapes, whole and as the events of a stream, and
its errors. `test_contracts.py` holds them against the published schemas.
"""

from __future__ import annotations

from typing import Any, ClassVar

Json = dict[str, Any]

TEXT = "We open at nine. [1]"
TOKENS_IN, TOKENS_OUT = 900, 12


class Dialect:
    """One provider's wire format."""

    #: Status, body and headers by name.
    errors: ClassVar[dict[str, tuple[int, Json, dict[str, str]]]]

    def whole(
        self, text: str = TEXT, finish: str = "stop", *, usage: bool = True
    ) -> Json:
        raise NotImplementedError

    def events(
        self, text: str = TEXT, finish: str = "stop", *, usage: bool = True
    ) -> list[Json | str]:
        raise NotImplementedError


def _openai_error(
    status: int,
    code: str,
    kind: str = "invalid_request_error",
    param: str | None = None,
    **headers: str,
) -> tuple[int, Json, dict[str, str]]:
    body = {"error": {"message": code, "type": kind, "param": param, "code": code}}
    return status, body, {name.replace("_", "-"): v for name, v in headers.items()}


class _OpenAI(Dialect):
    errors: ClassVar[dict[str, tuple[int, Json, dict[str, str]]]] = {
        "400": _openai_error(400, "context_length_exceeded"),
        "401": _openai_error(401, "invalid_api_key"),
        "403": _openai_error(403, "unsupported_country_region_territory"),
        "404": _openai_error(404, "model_not_found"),
        "429": _openai_error(429, "rate_limit_exceeded", "requests", retry_after="7"),
        "quota": _openai_error(429, "insufficient_quota", "insufficient_quota"),
        "500": _openai_error(500, "server_error", "server_error"),
        "unsupported": _openai_error(400, "unsupported_value", param="temperature"),
    }


class Responses(_OpenAI):
    """POST /responses."""

    def whole(
        self, text: str = TEXT, finish: str = "stop", *, usage: bool = True
    ) -> Json:
        status, reason = {
            "length": ("incomplete", "max_output_tokens"),
            "safety": ("incomplete", "content_filter"),
            "failed": ("failed", None),
            "unknown": ("stranded", None),
        }.get(finish, ("completed", None))
        part: Json = {
            "type": "output_text",
            "text": text,
            "annotations": [],
            "logprobs": [],
        }
        if finish == "refusal":
            part = {"type": "refusal", "refusal": "I cannot help with that."}
        message = {
            "type": "message",
            "id": "msg_1",
            "status": "completed" if status == "completed" else "incomplete",
            "role": "assistant",
            "content": [part] if text else [],
        }
        reasoning = {"type": "reasoning", "id": "rs_1", "summary": []}
        failure = {"code": "server_error", "message": "It broke."}
        answer: Json = {
            "id": "resp_1",
            "object": "response",
            "created_at": 1_790_000_000,
            "status": status,
            "error": failure if finish == "failed" else None,
            "incomplete_details": {"reason": reason} if reason else None,
            "instructions": None,
            "metadata": {},
            "model": "gpt-6-luna-2026-09-01",
            "output": [] if finish == "failed" else [reasoning, message],
            "parallel_tool_calls": True,
            "temperature": None,
            "tool_choice": "auto",
            "tools": [],
            "top_p": None,
        }
        if usage and finish != "failed":
            answer["usage"] = _RESPONSES_USAGE
        return answer

    def events(
        self, text: str = TEXT, finish: str = "stop", *, usage: bool = True
    ) -> list[Json | str]:
        final = self.whole(text, finish, usage=usage)
        started = {**final, "status": "in_progress", "output": [], "error": None}
        started = {**started, "incomplete_details": None}
        started.pop("usage", None)
        kind = {"length": "incomplete", "safety": "incomplete", "failed": "failed"}
        shown = "" if finish in {"refusal", "failed"} else text
        deltas = [
            {
                "type": "response.output_text.delta",
                "item_id": "msg_1",
                "output_index": 1,
                "content_index": 0,
                "delta": piece,
                "logprobs": [],
            }
            for piece in _pieces(shown)
        ]
        events: list[Json] = [
            {"type": "response.created", "response": started},
            *deltas,
            {"type": "response.brand_new", "hint": "unknown events are passed over"},
            {"type": f"response.{kind.get(finish, 'completed')}", "response": final},
        ]
        return [{**event, "sequence_number": n} for n, event in enumerate(events)]


_RESPONSES_USAGE: Json = {
    "input_tokens": TOKENS_IN,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": TOKENS_OUT,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": TOKENS_IN + TOKENS_OUT,
}


class Chat(_OpenAI):
    """POST /chat/completions."""

    reasons: ClassVar[dict[str, str]] = {
        "safety": "content_filter",
        "unknown": "eos_token",
        "refusal": "stop",
    }

    def whole(
        self, text: str = TEXT, finish: str = "stop", *, usage: bool = True
    ) -> Json:
        if finish == "failed":
            return {"error": {"message": "It broke.", "code": "server_error"}}
        refusal = "I cannot help with that." if finish == "refusal" else None
        message = {
            "role": "assistant",
            "content": None if refusal else text,
            "refusal": refusal,
        }
        choice = {
            "index": 0,
            "message": message,
            "finish_reason": self.reasons.get(finish, finish),
            "logprobs": None,
        }
        return {**self._envelope("chat.completion", usage=usage), "choices": [choice]}

    def events(
        self, text: str = TEXT, finish: str = "stop", *, usage: bool = True
    ) -> list[Json | str]:
        if finish == "failed":
            return [self.whole(finish="failed")]
        chunk = self._envelope("chat.completion.chunk", usage=False)
        deltas: list[Json] = [{"role": "assistant", "content": ""}]
        if finish == "refusal":
            deltas.append({"refusal": "I cannot help with that."})
        else:
            deltas += [{"content": piece} for piece in _pieces(text)]
        choices = [{"index": 0, "delta": d, "finish_reason": None} for d in deltas]
        reason = self.reasons.get(finish, finish)
        choices.append({"index": 0, "delta": {}, "finish_reason": reason})
        events: list[Json | str] = [{**chunk, "choices": [one]} for one in choices]
        if usage:
            counted = self._envelope("chat.completion.chunk", usage=True)
            events.append({**counted, "choices": []})
        return [*events, "[DONE]"]

    def _envelope(self, kind: str, *, usage: bool) -> Json:
        envelope: Json = {
            "id": "chatcmpl-1",
            "object": kind,
            "created": 1_790_000_000,
            "model": "fake-model",
        }
        if usage:
            envelope["usage"] = {
                "prompt_tokens": TOKENS_IN,
                "completion_tokens": TOKENS_OUT,
                "total_tokens": TOKENS_IN + TOKENS_OUT,
            }
        return envelope


def _gemini_error(
    code: int, status: str, message: str, *details: Json
) -> tuple[int, Json, dict[str, str]]:
    error = {"code": code, "message": message, "status": status}
    return code, {"error": {**error, "details": list(details)}}, {}


def _detail(kind: str, **fields: Any) -> Json:
    return {"@type": f"type.googleapis.com/google.rpc.{kind}", **fields}


class Gemini(Dialect):
    """POST /models/{model}:generateContent and :streamGenerateContent."""

    errors: ClassVar[dict[str, tuple[int, Json, dict[str, str]]]] = {
        "400": _gemini_error(
            400, "INVALID_ARGUMENT", 'Unknown name "systemInstruction"'
        ),
        "401": _gemini_error(
            400,
            "INVALID_ARGUMENT",
            "API key not valid.",
            _detail("ErrorInfo", reason="API_KEY_INVALID"),
        ),
        "403": _gemini_error(403, "PERMISSION_DENIED", "Not allowed."),
        "404": _gemini_error(404, "NOT_FOUND", "The model is not found."),
        "429": _gemini_error(
            429,
            "RESOURCE_EXHAUSTED",
            "Slow down.",
            _detail("RetryInfo", retryDelay="7.5s"),
        ),
        "quota": _gemini_error(
            429,
            "RESOURCE_EXHAUSTED",
            "Out of quota.",
            _detail(
                "QuotaFailure", violations=[{"quotaId": "RequestsPerDayPerProject"}]
            ),
        ),
        "500": _gemini_error(500, "INTERNAL", "It broke."),
        "unsupported": _gemini_error(
            400, "INVALID_ARGUMENT", "This model does not support the thinking level."
        ),
    }
    reasons: ClassVar[dict[str, str]] = {
        "stop": "STOP",
        "length": "MAX_TOKENS",
        "safety": "SAFETY",
        "refusal": "PROHIBITED_CONTENT",
        "failed": "OTHER",
        "unknown": "SOMETHING_NEW",
    }

    def whole(
        self, text: str = TEXT, finish: str = "stop", *, usage: bool = True
    ) -> Json:
        answer: Json = {"modelVersion": "gemini-3.5-flash-lite", "responseId": "r1"}
        if usage:
            answer["usageMetadata"] = {
                "promptTokenCount": TOKENS_IN,
                "candidatesTokenCount": TOKENS_OUT - 2,
                "thoughtsTokenCount": 2,
                "totalTokenCount": TOKENS_IN + TOKENS_OUT,
            }
        if finish == "blocked prompt":
            return {**answer, "promptFeedback": {"blockReason": "SAFETY"}}
        candidate: Json = {"index": 0, "finishReason": self.reasons[finish]}
        if text and finish not in {"safety", "refusal", "failed"}:
            candidate["content"] = _content({"text": text})
        return {**answer, "candidates": [candidate]}

    def events(
        self, text: str = TEXT, finish: str = "stop", *, usage: bool = True
    ) -> list[Json | str]:
        if finish == "blocked prompt":
            return [self.whole(text, finish, usage=usage)]
        thought = _content({"text": "They ask when.", "thought": True})
        shown = [_content({"text": piece}) for piece in _pieces(text)]
        parts = [
            {"candidates": [{"index": 0, "content": c}]} for c in [thought, *shown]
        ]
        return [*parts, self.whole("", finish, usage=usage)]


def _content(part: Json) -> Json:
    return {"role": "model", "parts": [part]}


def _pieces(text: str) -> list[str]:
    """A text in two pieces, or in none."""
    half = len(text) // 2
    return [text[:half], text[half:]] if text else []
