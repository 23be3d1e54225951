"""Bodies of the REST API."""

from __future__ import annotations

import io

import pytest
from rest_framework.exceptions import ParseError

from core.parsers import FormParser, JSONParser


def test_json_and_forms_are_read_as_utf_8() -> None:
    body = '{"a": "Шинэ"}'.encode()
    form = "a=%D0%A8%D0%B8+нэ".encode()

    assert JSONParser().parse(io.BytesIO(body)) == {"a": "Шинэ"}
    assert FormParser().parse(io.BytesIO(form)).dict() == {"a": "Ши нэ"}
    latin = {"encoding": "latin-1"}
    assert JSONParser().parse(io.BytesIO(body), None, latin) == {"a": "Шинэ"}
    assert FormParser().parse(io.BytesIO(form), None, latin).dict() == {"a": "Ши нэ"}


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"a":' * 100_000, b"{", b'"\xff"', b"[NaN]"], ids=len
)
def test_json_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(ParseError):
        JSONParser().parse(io.BytesIO(body))


@pytest.mark.parametrize("body", [b"a=%ff", b"a=\xff", b"%c3=1", b"a=%ed%a0%80"])
def test_a_form_that_is_not_utf_8_is_refused(body: bytes) -> None:
    with pytest.raises(ParseError):
        FormParser().parse(io.BytesIO(body))
