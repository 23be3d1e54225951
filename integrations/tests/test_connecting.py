"""A channel is connected, looked after, and mended when somebody took it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from core.exceptions import Conflict, CredentialsRefused, PermanentProviderError
from integrations import connecting, tasks
from integrations.models import Channel
from integrations.rehearsal.telegram import TOKEN

if TYPE_CHECKING:
    from integrations.rehearsal.telegram import TelegramServer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _public(settings: Any) -> None:
    settings.PUBLIC_URL = "https://desk.example"


def create(account: Any, token: str = TOKEN) -> Channel:
    return connecting.create(
        account=account, provider="telegram", credentials={"bot_token": token}
    )


def test_a_bot_is_connected_with_its_token_alone(
    account: Any, telegram_api: TelegramServer
) -> None:
    channel = create(account)

    channel.refresh_from_db()
    hook = telegram_api.webhook
    assert hook.url == f"https://desk.example{channel.webhook_path}"
    assert hook.secret == channel.credentials["webhook_secret"]
    assert channel.credentials["username"] == "shop_bot"


def test_what_is_refused_leaves_no_channel_behind(
    account: Any, telegram_api: TelegramServer, settings: Any
) -> None:
    with pytest.raises(CredentialsRefused):
        create(account, "700:wrong")
    settings.PUBLIC_URL = "http://localhost:8000"
    with pytest.raises(PermanentProviderError, match="HTTPS"):
        create(account)

    assert not Channel.objects.exists()


def test_one_bot_serves_one_channel(
    account: Any, charlie: Any, telegram_api: TelegramServer
) -> None:
    create(account)

    with pytest.raises(Conflict):
        create(charlie.memberships.get().account, f" {TOKEN} ")


def test_a_webhook_that_others_took_is_set_again(
    account: Any, telegram_api: TelegramServer
) -> None:
    channel = create(account)
    ours = telegram_api.webhook.url
    telegram_api.answer("deleteWebhook", {})

    tasks.keep_channel(channel.pk)

    assert telegram_api.webhook.url == ours
    assert len(telegram_api.called("setWebhook")) == 2
    tasks.keep_channel(channel.pk)
    assert len(telegram_api.called("setWebhook")) == 2


def test_a_token_that_was_revoked_marks_the_channel(
    account: Any, telegram_api: TelegramServer
) -> None:
    channel = create(account)
    channel.credentials = {**channel.credentials, "bot_token": "700:revoked"}
    channel.save()

    tasks.keep_channel(channel.pk)

    channel.refresh_from_db()
    assert channel.broken_at is not None
    assert "token" in channel.error


def test_all_connected_channels_are_looked_after(
    account: Any, telegram_api: TelegramServer, channel: Any, monkeypatch: Any
) -> None:
    made = create(account)
    asked: list[Any] = []
    monkeypatch.setattr(
        tasks.keep_channel, "apply_async", lambda args, **_: asked.append(args)
    )

    tasks.keep_channels()
    tasks.keep_channel(0)

    assert asked == [(made.pk,)]


def test_the_command_shows_how_the_connection_stands(
    account: Any, telegram_api: TelegramServer, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("create_channel", "telegram", "--account", account.name, "--set")

    call_command(*words, f"bot_token={TOKEN}")

    assert "ok  Bot: @shop_bot" in capsys.readouterr().out
    Channel.objects.all().delete()
    call_command(*words, f"bot_token={TOKEN}", "--json")
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert {each["name"] for each in checks} >= {"Bot", "Webhook", "Deliveries"}
    with pytest.raises(CommandError, match="does not accept the token"):
        call_command(*words, "bot_token=1:x")
