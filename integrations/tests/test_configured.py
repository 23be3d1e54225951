"""The channels that the operator's environment configures."""

from __future__ import annotations

from typing import Any

import pytest

from integrations import configured
from integrations.models import Channel, Desk
from integrations.rehearsal.freshdesk import KEY


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


@pytest.fixture
def freshdesk_environment(settings: Any, freshdesk: Any) -> Any:
    settings.FRESHDESK_DOMAIN = "shop"
    settings.FRESHDESK_API_KEY = KEY
    return settings


def test_a_configured_freshdesk_gets_a_desk(
    channel: Any, freshdesk_environment: Any
) -> None:
    lines = configured.apply()

    desk = Desk.objects.get()
    assert lines == ["Connected Freshdesk. Its form requires a value for: Shop."]
    assert desk.account == channel.account
    assert desk.settings["agent"] == "Assistant"
    assert configured.apply() == []


def test_a_new_key_of_freshdesk_is_taken_and_the_rest_stays(
    channel: Any, freshdesk_environment: Any
) -> None:
    configured.apply()
    desk = Desk.objects.get()
    desk.settings["values"] = {"custom_fields.cf_shop": "Darkhan"}
    desk.save()
    freshdesk_environment.FRESHDESK_API_KEY = "wrong"

    (line,) = configured.apply()

    changed = Desk.objects.get()
    assert line.startswith("Brought Freshdesk up to date. It does not work yet:")
    assert "API key" in changed.error
    assert changed.credentials["hook_token"] == desk.credentials["hook_token"]
    assert changed.settings["values"] == {"custom_fields.cf_shop": "Darkhan"}
