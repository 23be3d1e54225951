from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from integrations.models import Channel, Desk
from integrations.rehearsal.freshdesk import KEY, FreshdeskServer

if TYPE_CHECKING:
    from accounts.models import Account
    from core.tests.network import Network

LOGIN = ["domain=shop", f"api_key={KEY}"]
GOOD = ["base_url=https://chatwoot.example", "account_id=3", "bot_token=a=b"]


def test_create_channel_prints_where_its_webhook_is(
    account: Account, network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command(
        "create_channel",
        "chatwoot",
        "--account",
        account.name,
        "--set",
        *GOOD,
        "--set",
        "webhook_secret=hook",
        "--json",
    )

    channel = Channel.objects.get()
    printed = json.loads(capsys.readouterr().out)
    checks = {each["name"]: each["is_ok"] for each in printed.pop("checks")}
    assert checks["Access token of the bot"]
    assert printed == {
        "channel": str(channel.uuid),
        "channel_key": channel.key,
        "webhook_path": f"/webhooks/chatwoot/{channel.uuid}",
    }
    assert channel.credentials["bot_token"] == "a=b"


def test_create_channel_names_what_is_wrong(
    account: Account,
    network: Network,
    settings: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings.PUBLIC_URL = ""
    network.answer(401)

    call_command(
        "create_channel", "chatwoot", "--account", account.name, "--set", *GOOD
    )

    printed = capsys.readouterr().out
    assert "!!  Access token of the bot: Chatwoot refuses it." in printed
    assert "Copy the access token from the bot's page" in printed
    assert "!!  Our webhook: The service does not know" in printed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pigeon"], "no provider “pigeon”"),
        (["chatwoot", "--set", *GOOD[:2]], "“bot_token” is missing"),
        (["web", "--set", "token"], "--set takes KEY=VALUE"),
        (["chatwoot", "--set", "a=1", "a=2"], "“a” was given twice"),
        (["web", "--name", "x" * 101], "at most 100 characters"),
        (["web", "--colour", "red"], "unrecognized arguments: --colour red"),
        ([], "the following arguments are required: PROVIDER"),
    ],
    ids=["provider", "missing", "pair", "twice", "name", "option", "nothing"],
)
def test_create_channel_says_what_is_wrong(
    account: Account, words: list[str], said: str
) -> None:
    with pytest.raises(CommandError, match=said) as caught:
        call_command("create_channel", *words, "--account", account.name)

    assert caught.value.returncode == 1
    assert not Channel.objects.exists()


def create_desk(account: Account, *words: str) -> None:
    call_command("create_desk", "freshdesk", "--account", account.name, *words)


def test_create_desk_prints_what_the_webhook_needs(
    account: Account, freshdesk: FreshdeskServer, capsys: pytest.CaptureFixture[str]
) -> None:
    create_desk(
        account,
        *("--set", "domain=shop", f"api_key={KEY}"),
        *("--value", "custom_fields.cf_shop=Darkhan", "priority=High"),
        *("--reference-field", "custom_fields.cf_conversation", "--json"),
    )

    desk = Desk.objects.get()
    printed = json.loads(capsys.readouterr().out)
    assert printed["agent"] == "Assistant"
    assert printed["without_value"] == "nothing"
    assert printed["webhook_url"].endswith(desk.webhook_path)
    assert printed["webhook_header"] == (
        f"X-Webhook-Secret: {desk.credentials['hook_secret']}"
    )
    assert desk.settings["values"] == {
        "custom_fields.cf_shop": "Darkhan",
        "priority": 3,
    }
    assert desk.is_active


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "domain=shop"], "“api_key” is missing"),
        (["--set", "domain=shop", "api_key=wrong"], "does not accept the API key"),
        (["--value", "cf_shop=x", "--set", *LOGIN], "form has no “cf_shop”"),
        (["--value", "priority=Huge", "--set", *LOGIN], "“Huge” is no choice"),
        (["--reference-field", "priority", "--set", *LOGIN], "is not a text field"),
        (["--name", "x" * 101, "--set", *LOGIN], "at most 100 characters"),
        (["--set", "domain"], "--set takes KEY=VALUE"),
    ],
    ids=["missing", "key", "field", "choice", "reference", "name", "pair"],
)
def test_create_desk_says_what_is_wrong(
    account: Account, freshdesk: FreshdeskServer, words: list[str], said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        create_desk(account, *words)

    assert not Desk.objects.exists()
