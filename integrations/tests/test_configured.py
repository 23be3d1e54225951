"""The channels that the operator's environment configures."""

from __future__ import annotations

from typing import Any

import pytest

from integrations import configured
from integrations.models import Channel


@pytest.fixture
def environment(settings: Any) -> Any:
    settings.CHATWOOT_BASE_URL = "http://127.0.0.1:3000"
    settings.CHATWOOT_API_TOKEN = "token-1"
    settings.CHATWOOT_ACCOUNT_ID = "3"
    settings.CHATWOOT_INBOX_ID = "12"
    return settings


def test_a_configured_chatwoot_gets_a_channel(channel: Any, environment: Any) -> None:
    (line,) = configured.apply()

    made = Channel.objects.get(provider="chatwoot")
    assert made.account == channel.account
    assert made.webhook_path in line
    assert made.credentials == {
        "base_url": "http://127.0.0.1:3000",
        "account_id": "3",
        "bot_token": "token-1",
        "inbox_id": "12",
    }
    assert "token-1" not in line


def test_applying_again_changes_nothing(channel: Any, environment: Any) -> None:
    configured.apply()

    assert configured.apply() == []
    assert Channel.objects.filter(provider="chatwoot").count() == 1


def test_a_new_token_is_taken_and_an_entered_secret_stays(
    channel: Any, environment: Any
) -> None:
    configured.apply()
    made = Channel.objects.get(provider="chatwoot")
    made.credentials = {**made.credentials, "webhook_secret": "by-hand"}
    made.save()
    environment.CHATWOOT_API_TOKEN = "token-2"

    assert configured.apply() == ["Brought the Chatwoot channel up to date."]

    made.refresh_from_db()
    assert made.credentials["bot_token"] == "token-2"
    assert made.credentials["webhook_secret"] == "by-hand"


@pytest.mark.parametrize(
    "missing", ["CHATWOOT_BASE_URL", "CHATWOOT_API_TOKEN", "CHATWOOT_ACCOUNT_ID"]
)
def test_half_a_configuration_is_none(
    channel: Any, environment: Any, missing: str
) -> None:
    setattr(environment, missing, "")

    assert configured.apply() == []
    assert not Channel.objects.filter(provider="chatwoot").exists()


def test_without_a_default_account_it_says_so(db: None, environment: Any) -> None:
    (line,) = configured.apply()

    assert "no default account" in line
