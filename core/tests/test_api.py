"""Plumbing of the JSON APIs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.test import RequestFactory
from rest_framework import exceptions

from core import api
from core.exceptions import (
    AppError,
    Conflict,
    InvalidPayload,
    InvalidSignature,
    NotAllowed,
    PermanentProviderError,
    RateLimited,
    TemporaryProviderError,
)


def request(body: bytes, content_type: str = "application/json") -> Any:
    return RequestFactory().post("/", data=body, content_type=content_type)


@pytest.mark.parametrize(
    ("body", "content_type", "code", "status"),
    [
        (b"{}", "text/plain", "unsupported_media_type", 415),
        (b"a=1", "application/x-www-form-urlencoded", "unsupported_media_type", 415),
        (b"{", "application/json", "invalid_payload", 400),
        (b'{"a": "\xff"}', "application/json", "invalid_payload", 400),
        (b"[1]", "application/json", "invalid_payload", 400),
        (b"null", "application/json", "invalid_payload", 400),
        (b"[" * 100_000, "application/json", "invalid_payload", 400),
        (b'{"a": ' + b"9" * 5000 + b"}", "application/json", "invalid_payload", 400),
        (b" " * (1024 * 1024 + 1), "application/json", "too_large", 413),
    ],
    ids=[
        "text", "form", "cut off", "not UTF-8", "a list", "null", "too deep",
        "a huge number", "too large",
    ],
)  # fmt: skip
def test_a_body_that_is_no_object_is_refused(
    body: bytes, content_type: str, code: str, status: int
) -> None:
    with pytest.raises(InvalidPayload) as caught:
        api.json_body(request(body, content_type))

    assert (caught.value.code, caught.value.status_code) == (code, status)


def test_a_large_body_without_a_length_is_refused() -> None:
    made = request(b'{"a": "' + b"x" * (1024 * 1024) + b'"}')
    del made.META["CONTENT_LENGTH"]

    with pytest.raises(api.TooLarge):
        api.json_body(made)


def test_a_good_body_is_read_with_any_charset_note() -> None:
    made = request('{"a": "ö"}'.encode(), "application/json; charset=utf-8")

    assert api.json_body(made) == {"a": "ö"}


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (AppError("No."), 400, "error"),
        (InvalidPayload("No."), 400, "invalid_payload"),
        (InvalidSignature("No."), 401, "invalid_signature"),
        (NotAllowed("No."), 403, "not_allowed"),
        (Conflict("No."), 409, "conflict"),
        (TemporaryProviderError("No.", provider="x"), 502, "provider_unavailable"),
        (PermanentProviderError("No.", provider="x", code="own"), 502, "own"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_our_errors_have_one_shape(error: AppError, status: int, code: str) -> None:
    plain = api.error_response(error)
    drf = api.exception_handler(error, {})

    expected = {"detail": "No.", "error": "No.", "code": code}
    assert (plain.status_code, json.loads(plain.content)) == (status, expected)
    assert drf is not None
    assert (drf.status_code, drf.data) == (status, expected)


def test_a_throttled_call_says_when_to_come_back() -> None:
    error = RateLimited("Slowly.", retry_after=12.3)

    for answer in (api.error_response(error), api.exception_handler(error, {})):
        assert answer is not None
        assert answer.status_code == 429
        assert answer["Retry-After"] == "13"
    assert api.error_body(error)["detail"] == {"reset_in_seconds": 13}


@pytest.mark.parametrize(
    ("error", "status", "code", "detail"),
    [
        (Http404(), 404, "not_found", "Not found."),
        (PermissionDenied(), 403, "not_allowed", "Not allowed."),
        (exceptions.NotAuthenticated(), 401, "not_authenticated", None),
        (exceptions.ValidationError({"a": ["Bad."]}), 400, "invalid", "a: Bad."),
        (exceptions.ValidationError("Bad."), 400, "invalid", "Bad."),
        (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed", None),
    ],
    ids=["missing", "forbidden", "unknown", "field", "plain", "method"],
)
def test_frameworks_errors_get_the_same_shape(
    error: Exception, status: int, code: str, detail: str | None
) -> None:
    answer = api.exception_handler(error, {})

    assert answer is not None
    assert (answer.status_code, answer.data["code"]) == (status, code)
    assert detail is None or answer.data["detail"] == detail


def test_a_bug_is_not_hidden() -> None:
    assert api.exception_handler(ZeroDivisionError(), {}) is None


def test_a_wrong_method_names_the_right_ones() -> None:
    answer = api.method_not_allowed("GET", "POST")

    assert answer.status_code == 405
    assert answer["Allow"] == "GET, POST"
