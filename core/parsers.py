"""Bodies of the REST API: JSON and forms in UTF-8, and nothing else."""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from rest_framework import parsers
from rest_framework.exceptions import ParseError

if TYPE_CHECKING:
    from collections.abc import Mapping


class JSONParser(parsers.JSONParser):
    """JSON, of which no nesting breaks anything."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The value of the body; raises ParseError."""
        try:
            return super().parse(stream, media_type, _in_utf8(parser_context))
        except RecursionError as exc:
            raise ParseError("The body is nested too deeply.") from exc


class FormParser(parsers.FormParser):
    """A form; what is not UTF-8 is refused, where Django would put question marks."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The fields of the body; raises ParseError."""
        body = stream.read()
        try:
            unquote_to_bytes(body).decode("utf-8")
        except UnicodeDecodeError as exc:
            raise ParseError("The body is not valid UTF-8.") from exc
        return super().parse(io.BytesIO(body), media_type, _in_utf8(parser_context))


def _in_utf8(context: Mapping[str, Any] | None) -> dict[str, Any]:
    return {**(context or {}), "encoding": "utf-8"}
