"""Plumbing of the JSON APIs: errors in one shape, bodies read with care."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler

from core.exceptions import AppError, InvalidPayload, RateLimited

if TYPE_CHECKING:
    from rest_framework.serializers import BaseSerializer


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Every error as `{"detail", "code"}`."""
    if isinstance(exc, AppError):
        return Response(
            error_body(exc), status=exc.status_code, headers=error_headers(exc)
        )
    response = drf_exception_handler(exc, context)
    if response is None:
        return None
    if isinstance(exc, Http404):
        response.data = {"detail": "Not found.", "code": "not_found"}
    elif isinstance(exc, PermissionDenied):
        response.data = {"detail": "Not allowed.", "code": "not_allowed"}
    elif isinstance(exc, exceptions.ValidationError):
        response.data = {
            "detail": _first_error(exc.detail),
            "code": "invalid",
            "fields": exc.detail,
        }
    elif isinstance(exc, exceptions.APIException):
        code = exc.get_codes()
        response.data["code"] = code if isinstance(code, str) else "invalid"
    return response


def error_body(exc: AppError) -> dict[str, Any]:
    """An error as JSON."""
    if isinstance(exc, RateLimited):
        return {
            "detail": {"reset_in_seconds": math.ceil(exc.retry_after)},
            "code": exc.code,
        }
    return {"detail": str(exc), "error": str(exc), "code": exc.code}


def error_headers(exc: AppError) -> dict[str, str]:
    """What an error says beside its body."""
    if isinstance(exc, RateLimited):
        return {"Retry-After": str(math.ceil(exc.retry_after))}
    return {}


def error_response(exc: AppError) -> JsonResponse:
    """An error as the answer of a plain view."""
    return JsonResponse(
        error_body(exc), status=exc.status_code, headers=error_headers(exc)
    )


def refuse(detail: str, code: str, status_code: int) -> JsonResponse:
    """An answer that says no."""
    return JsonResponse(
        {"detail": detail, "error": detail, "code": code}, status=status_code
    )


def method_not_allowed(*allowed: str) -> JsonResponse:
    """The 405 of a plain view."""
    response = refuse(
        f"This address takes {' or '.join(allowed)}.",
        "method_not_allowed",
        status.HTTP_405_METHOD_NOT_ALLOWED,
    )
    response["Allow"] = ", ".join(allowed)
    return response


def checked(shape: type[BaseSerializer[Any]], data: Any) -> dict[str, Any]:
    """What the data says, in this shape; raises DRF's `ValidationError` naming fields."""
    serializer = shape(data=data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


class TooLarge(InvalidPayload):
    """A body over the limit."""

    code = "too_large"
    status_code = 413


class WrongType(InvalidPayload):
    """A body that says it is something else than JSON."""

    code = "unsupported_media_type"
    status_code = 415


def json_body(request: HttpRequest) -> dict[str, Any]:
    """The JSON object of a request; raises `InvalidPayload` with what is wrong."""
    charset = (request.content_params or {}).get("charset", "utf-8")
    if request.content_type != "application/json" or charset.lower() not in _CHARSETS:
        raise WrongType("Send the body as application/json, in UTF-8.")
    if int(request.headers.get("Content-Length") or 0) > settings.MAX_BODY_BYTES:
        raise TooLarge(f"A body has at most {settings.MAX_BODY_BYTES} bytes.")
    try:
        payload = json.loads(
            request.body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
        )
    except RequestDataTooBig as exc:
        # It came without a length, and was measured only now.
        raise TooLarge(f"A body has at most {settings.MAX_BODY_BYTES} bytes.") from exc
    except UnicodeDecodeError as exc:
        raise InvalidPayload("The body is not valid UTF-8.") from exc
    except InvalidPayload:
        raise
    except (ValueError, RecursionError) as exc:
        raise InvalidPayload("The body is not valid JSON.") from exc
    if not isinstance(payload, dict):
        raise InvalidPayload("The body must be a JSON object.")
    return payload


#: JSON is UTF-8, of which ASCII is a part.
_CHARSETS = ("utf-8", "utf8", "us-ascii", "ascii")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; which of two values is meant by one name, nobody can tell."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidPayload("The body names something twice.")
    return found


def _refuse_constant(name: str) -> None:
    raise InvalidPayload(f"The body is not valid JSON: {name} is no number.")


def _first_error(detail: Any) -> str:
    """The first message of a validation error, with the field it speaks of."""
    if isinstance(detail, dict):
        name, inner = next(iter(detail.items()))
        text = _first_error(inner)
        return text if name == "non_field_errors" else f"{name}: {text}"
    if isinstance(detail, list):
        return _first_error(detail[0])
    return str(detail)
