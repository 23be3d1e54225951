"""The OpenAPI document over HTTP, and a page that shows it to people."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpResponse

    from core.openapi import Schema


@cache
def document() -> Schema:
    """The whole document; it is the same as long as the code is."""
    found: Schema = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
    return found


@login_not_required
@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """`GET /api/schema/`: for programs."""
    return JsonResponse(document())


@login_not_required
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """`GET /api/docs/`: the same, to be read."""
    operations = [
        {"path": path, "method": method.upper(), **_facts(operation)}
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    ]
    return render(request, "core/api_docs.html", {"operations": operations})


def _facts(operation: Schema) -> dict[str, Any]:
    responses = operation["responses"]
    good = responses["200"]["content"]
    return {
        "id": operation["operationId"],
        "summary": operation["summary"],
        "description": operation.get("description", ""),
        "parameters": operation["parameters"],
        "takes": list(_rows(operation.get("requestBody", {}).get("content"))),
        "gives": list(_rows(good)),
        "statuses": [
            (status, each["description"]) for status, each in responses.items()
        ],
    }


def _rows(content: Schema | None) -> Iterator[dict[str, Any]]:
    """The fields of a body in JSON, those inside others by their path."""
    if content and "application/json" in content:
        yield from _fields(content["application/json"]["schema"])


def _fields(schema: Schema, path: str = "") -> Iterator[dict[str, Any]]:
    shape = _resolved(schema)
    needed = shape.get("required", [])
    for name, raw in shape.get("properties", {}).items():
        field = _resolved(raw)
        inner = _resolved(field.get("items", field))
        yield {
            "name": f"{path}{name}",
            "kind": _kind(field),
            "is_required": name in needed,
            "most": field.get("maxLength"),
            "choices": field.get("enum", []),
        }
        mark = "[]." if "items" in field else "."
        yield from _fields(inner, f"{path}{name}{mark}")


def _kind(field: Schema) -> str:
    kinds = field.get("type", "")
    return " or ".join(kinds) if isinstance(kinds, list) else kinds


def _resolved(schema: Schema) -> Schema:
    """What a reference refers to."""
    reference = schema.get("$ref") or next(
        (each["$ref"] for each in schema.get("allOf", []) if "$ref" in each), ""
    )
    if not reference:
        return schema
    name = reference.rpartition("/")[2]
    found: Schema = document()["components"]["schemas"][name]
    return found
