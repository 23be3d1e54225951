from __future__ import annotations

import pytest

from integrations.origins import parse


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://shop.example", "https://shop.example"),
        (" HTTPS://Shop.Example ", "https://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("http://shop.example:80", "http://shop.example"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_origin_is_kept_as_browsers_send_it(text: str, origin: str) -> None:
    assert parse(text) == origin


@pytest.mark.parametrize(
    "text",
    [
        "", "*", "null", "shop.example", "https://", "ftp://shop.example",
        "https://shop.example/", "https://shop.example/page", "https://shop.example?a",
        "https://*.shop.example", "https://jane@shop.example", "https://shop.example:",
        "https://shop.example:99999", "https://shop.example:x", "https://[::1",
        "https://a b.example", "javascript:alert(1)", "https://shop..example",
    ],
)  # fmt: skip
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (whichever part says so)
        parse(text)
