from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command

from integrations.models import Channel

if TYPE_CHECKING:
    from accounts.models import Account

GOOD = ["base_url=https://chatwoot.example", "account_id=3", "bot_token=a=b"]


def test_create_channel_prints_where_its_webhook_is(
    account: Account, capsys: pytest.CaptureFixture[str]
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
    assert json.loads(capsys.readouterr().out) == {
        "channel": str(channel.uuid),
        "channel_key": channel.key,
        "webhook_path": f"/webhooks/chatwoot/{channel.uuid}",
    }
    assert channel.credentials["bot_token"] == "a=b"


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
