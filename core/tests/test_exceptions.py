"""What errors say of themselves."""

from __future__ import annotations

import pytest

from core.exceptions import ProviderError


@pytest.mark.parametrize(
    ("provider", "message", "shown"),
    [
        ("chatwoot", "chatwoot answered 401.", "Chatwoot answered 401."),
        (
            "openai",
            "openai: the answer is too large",
            "OpenAI: the answer is too large",
        ),
        (
            "whatsapp",
            "whatsapp could not be reached.",
            "WhatsApp could not be reached.",
        ),
        ("shop.example", "shop.example answered 404.", "shop.example answered 404."),
        ("web", "website is down", "website is down"),
        ("telegram", "Too many requests", "Too many requests"),
    ],
)
def test_a_service_is_called_by_its_name(
    provider: str, message: str, shown: str
) -> None:
    assert str(ProviderError(message, provider=provider)) == shown
