from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command

from accounts.authentication import user_of
from accounts.models import Account, User
from conversations.tests.factories import MessageFactory
from integrations.models import Channel

if TYPE_CHECKING:
    from django.test import RequestFactory

    from conversations.models import Conversation

pytestmark = pytest.mark.django_db


def test_create_account_prints_one_json_object(
    capsys: pytest.CaptureFixture[str], rf: RequestFactory
) -> None:
    call_command("create_account", "Larch", "--username", "dora", "--staff", "--json")

    facts = json.loads(capsys.readouterr().out)
    assert list(facts) == [
        "account",
        "username",
        "password",
        "token",
        "channel",
        "channel_key",
    ]
    dora = User.objects.get(username="dora")
    channel = Channel.objects.get()
    assert facts["account"] == str(Account.objects.get().uuid)
    assert dora.check_password(facts["password"])
    assert (facts["channel"], facts["channel_key"]) == (str(channel.uuid), channel.key)
    request = rf.get("/", HTTP_AUTHORIZATION=f"Bearer {facts['token']}")
    assert user_of(request) == dora


def test_create_account_takes_the_given_password(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("create_account", "Larch", "--username", "dora", "--password", "pw")

    assert "password     pw\n" in capsys.readouterr().out
    assert User.objects.get().check_password("pw")


@pytest.mark.parametrize(
    ("name", "username", "said"),
    [
        ("Alice's Shop", "dora", "an account called “Alice's Shop” already"),
        ("Larch", "alice", "user name “alice” is taken"),
        ("Larch", "do ra", "username is not usable"),
        ("", "dora", "name is not usable"),
    ],
    ids=["account", "taken", "username", "empty"],
)
def test_create_account_says_what_is_wrong(
    alice: User, name: str, username: str, said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("create_account", name, "--username", username)

    assert Account.objects.count() == User.objects.count() == 1


def test_load_demo_returns_how_to_sign_in(capsys: pytest.CaptureFixture[str]) -> None:
    first = str(call_command("load_demo"))
    second = str(call_command("load_demo"))

    roles = [line.split()[0] for line in second.splitlines()]
    assert roles == ["owner", "support", "token"]
    assert first != second
    assert capsys.readouterr().out == f"{first}\n{second}\n"


def test_why_prints_sentences_or_json(
    conversation: Conversation, capsys: pytest.CaptureFixture[str]
) -> None:
    message = MessageFactory(
        conversation=conversation, state="handed_over", reason="human_mode"
    )

    call_command("why", str(message.uuid))
    call_command("why", str(message.uuid), "--json")

    *lines, line = capsys.readouterr().out.splitlines()
    assert "handed over to a person: the channel was in human mode." in lines[1]
    assert json.loads(line)["message"] == str(message.uuid)


@pytest.mark.parametrize(
    ("name", "said"),
    [("17", "ids are UUIDs"), (str(uuid.uuid4()), "There is no message")],
    ids=["number", "unknown"],
)
def test_why_says_what_is_wrong(name: str, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("why", name)
