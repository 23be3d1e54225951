"""The OpenAPI document: what plain views take and give, in the words of serializers.

A view says so with `describe`; its path is that of the URLconf.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Literal

from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView

from core.serializers import TextField

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from drf_spectacular.generators import SchemaGenerator

Schema = dict[str, Any]
Shape = type[serializers.Serializer[Any]]
Direction = Literal["request", "response"]

_ARGUMENT: Final = re.compile(r"<(?:\w+:)?(\w+)>")
_UUID: Final = {"type": "string", "format": "uuid"}
#: A text that is not only white space, as Python knows it, and without NUL.
_VISIBLE: Final = r"^[^\u0000]*[^\s\u0000\u001c-\u001f\u0085][^\u0000]*$"
_NO_NUL: Final = r"^[^\u0000]*$"


class ErrorSerializer(serializers.Serializer[Any]):
    """What every refusal says."""

    detail = serializers.CharField(help_text="What is wrong, for a person to read.")
    error = serializers.CharField(help_text="The same.")
    code = serializers.CharField(help_text="What is wrong, for a program.")


class RefusalSerializer(serializers.Serializer[Any]):
    """What refusals of calls with a token say."""

    detail = serializers.CharField(help_text="What is wrong, for a person to read.")
    code = serializers.CharField(help_text="What is wrong, for a program.")
    fields_ = serializers.DictField(
        required=False, help_text="What is wrong with each field."
    )

    def get_fields(self) -> dict[str, Any]:
        """With `fields` under its own name, which a class cannot give it."""
        found = super().get_fields()
        return {name.rstrip("_"): each for name, each in found.items()}


class DoneSerializer(serializers.Serializer[Any]):
    """It is done."""

    success = serializers.BooleanField()


class ResetSerializer(serializers.Serializer[Any]):
    """When a person may ask again."""

    reset_in_seconds = serializers.IntegerField(min_value=1)


class RateLimitedSerializer(serializers.Serializer[Any]):
    """The refusal of one call too many; `Retry-After` says the same."""

    detail = ResetSerializer()
    code = serializers.CharField()


@dataclass(frozen=True, slots=True)
class Operation:
    """What a view takes and gives."""

    #: `post`, or another method in lower case.
    method: str
    gives: Shape
    takes: Shape | None = None
    errors: tuple[int, ...] = ()
    #: Schemas of arguments of the path; those left out are UUIDs.
    path: Mapping[str, Schema] = field(default_factory=dict)
    #: Schemas of what stands in the query and in headers.
    query: Mapping[str, Schema] = field(default_factory=dict)
    headers: Mapping[str, Schema] = field(default_factory=dict)
    #: Answers other than 200 that have its shape.
    also: tuple[int, ...] = ()


def describe(method: str, **facts: Any) -> Callable[[Any], Any]:
    """Decorator of a view: it stands in the document, with its docstring."""

    def mark(view: Any) -> Any:
        view.operation = Operation(method, **facts)
        return view

    return mark


def choose_views(endpoints: list[Any], **_: object) -> list[Any]:
    """Hook of drf-spectacular: only what is described stands in the document."""
    return [each for each in endpoints if _is_described(each[3], each[2])]


def _is_described(callback: Any, method: str) -> bool:
    handler = getattr(callback.cls, method.lower(), None)
    return getattr(handler, "is_described", False)


def describe_handler(
    *,
    gives: Shape | Mapping[tuple[int, str], Any],
    takes: Shape | None = None,
    query: Shape | None = None,
    errors: tuple[int, ...] = (),
    name: str | None = None,
) -> Callable[[Any], Any]:
    """Decorator of a REST framework view's handler: it stands in the document.

    What every call with a token may be told is added to `errors`. `name` stands in
    place of the one that is made of path and method. What is not JSON is given by
    status and media type.
    """
    refused = dict.fromkeys((400, 401, 403, *errors), RefusalSerializer)
    given = gives if isinstance(gives, Mapping) else {200: gives}
    schema = extend_schema(
        operation_id=name,
        request=takes,
        parameters=[query] if query else [],
        responses={**given, **refused, 429: RateLimitedSerializer},
    )

    def mark(handler: Any) -> Any:
        handler.is_described = True
        return schema(handler)

    return mark


def add_plain_views(result: Schema, generator: SchemaGenerator, **_: object) -> Schema:
    """Hook of drf-spectacular: put the described views into its document."""
    for methods in result["paths"].values():
        for written in methods.values():
            written |= _words(written.pop("description", ""))
            written.setdefault("parameters", [])
    writer = _Writer(generator.registry)
    for path, view in _described(get_resolver().url_patterns):
        operation = writer.operation(path, view)
        result["paths"].setdefault(path, {})[view.operation.method] = operation
    result["paths"] = dict(sorted(result["paths"].items()))
    result["components"] = generator.registry.build({})
    return result


def _described(patterns: list[Any], prefix: str = "/") -> Iterator[tuple[str, Any]]:
    for each in patterns:
        path = f"{prefix}{each.pattern}"
        if isinstance(each, URLResolver):
            yield from _described(each.url_patterns, path)
        elif isinstance(each, URLPattern) and hasattr(each.callback, "operation"):
            yield _ARGUMENT.sub(r"{\1}", path), each.callback


class _Mapping(AutoSchema):
    """Maps serializers as a view of REST framework does, our texts to one type each."""

    def _insert_field_validators(self, field: Any, schema: Schema) -> None:
        super()._insert_field_validators(field, schema)  # type: ignore[no-untyped-call] # of the library, which has no types
        # Beside a pattern it allows for an empty text, which ours do already: one that
        # is empty would fit both, and so neither alone.
        if isinstance(field, TextField):
            schema |= schema.pop("oneOf", [{}])[0]


class _Writer:
    """Writes views as operations, and their serializers as components."""

    def __init__(self, registry: Any) -> None:
        # It maps serializers as if a view of REST framework had them.
        self._schema = _Mapping()
        self._schema.view = GenericAPIView(request=None, format_kwarg=None)
        self._schema.registry = registry
        self._schema.method = "POST"

    def operation(self, path: str, view: Any) -> Schema:
        """One method of one path."""
        facts: Operation = view.operation
        written: Schema = {
            "operationId": view.__name__,
            **_words(view.__doc__ or ""),
            "tags": [path.split("/")[2]],
            "parameters": _parameters(path, facts),
            # No login; the key of a channel is no secret.
            "security": [{}],
            "responses": self._responses(facts),
        }
        if facts.takes is not None:
            body = self._content(facts.takes, "request")
            written["requestBody"] = {"content": body, "required": True}
        return written

    def _responses(self, facts: Operation) -> Schema:
        good = {"description": "Done.", "content": self._content(facts.gives)}
        found = {str(status): good for status in (200, *facts.also)}
        for status in facts.errors:
            shape = RateLimitedSerializer if status == 429 else ErrorSerializer
            found[str(status)] = {
                "description": HTTPStatus(status).phrase,
                "content": self._content(shape),
            }
        return found

    def _content(self, shape: Shape, direction: Direction = "response") -> Schema:
        component = self._schema.resolve_serializer(shape, direction)
        return {"application/json": {"schema": component.ref}}


def _words(docstring: str) -> Schema:
    """The first line of a docstring, behind the path that it names, and the rest."""
    first, _, rest = docstring.partition("\n")
    words = {"summary": first.partition(": ")[2] or first}
    return words | ({"description": " ".join(rest.split())} if rest.strip() else {})


def _parameters(path: str, facts: Operation) -> list[Schema]:
    places = {
        "path": {
            name: facts.path.get(name, _UUID) for name in re.findall(r"{(\w+)}", path)
        },
        "query": facts.query,
        "header": facts.headers,
    }
    return [
        {"name": name, "in": place, "schema": schema, "required": place == "path"}
        for place, schemas in places.items()
        for name, schema in schemas.items()
    ]


class TextFieldSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Our texts, with what they may not contain."""

    target_class = "core.serializers.TextField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> Schema:
        """As any text."""
        schema: Schema = {"type": "string"}
        if direction == "request":
            blank = self.target.allow_blank
            schema["pattern"] = _NO_NUL if blank else _VISIBLE
            schema["maxLength"] = self.target.max_length
        return schema


class OptionalTextFieldSchema(TextFieldSchema):  # type: ignore[no-untyped-call] # the library registers it, untyped
    """The same, or null."""

    target_class = "core.serializers.OptionalTextField"


class NameFieldSchema(TextFieldSchema):  # type: ignore[no-untyped-call]
    """A text, or the number that it was made of."""

    target_class = "core.serializers.NameField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> Schema:
        """As either."""
        schema = super().map_serializer_field(auto_schema, direction)
        return {**schema, "type": ["string", "number"]}


class OptionalNameFieldSchema(NameFieldSchema):  # type: ignore[no-untyped-call] # as above
    """The same, or null."""

    target_class = "core.serializers.OptionalNameField"


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A token, in the header."""

    target_class = "accounts.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> Schema:
        """As any bearer token."""
        return {"type": "http", "scheme": "bearer"}
