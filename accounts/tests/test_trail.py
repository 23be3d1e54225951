"""The audit trail: whoever changes a setting, however, leaves a line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.urls import reverse

from accounts import trail
from accounts.models import Account, Change, Membership, Token, User
from accounts.services import create_token, revoke_tokens
from ai_model.models import Assistant
from conversations.services import set_human_mode
from integrations.models import Channel
from integrations.services import renew_secret
from integrations.tests.factories import ChatwootChannelFactory

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db


def last(**wanted: Any) -> Change:
    return Change.objects.filter(**wanted).order_by("-id")[:1].get()


def test_a_setting_changed_in_the_administration_says_who_and_from_what(
    client: Client, alice: User, account: Account
) -> None:
    client.force_login(alice)

    client.post(
        reverse("admin:accounts_account_change", args=[account.pk]),
        {"name": "Alice & Co.", "default_reply_handler": "Manual"},
    )

    row = last(model="accounts.account", verb="changed")
    assert (row.account, row.user, row.name, row.way) == (
        account, alice, "alice", "admin",
    )  # fmt: skip
    assert row.values == {
        "name": ["Alice's Shop", "Alice & Co."],
        "default_reply_handler": ["AI", "Manual"],
    }


def test_a_setting_changed_through_the_api_names_the_tokens_user(
    client: Client, alice: User, account: Account
) -> None:
    token = create_token(user=alice, account=account)

    client.put(
        "/api/v1/ai/default-handler/",
        json.dumps({"default_reply_handler": "Manual"}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )

    row = last(verb="changed")
    assert (row.user, row.way) == (alice, "api")
    assert row.values == {"default_reply_handler": ["AI", "Manual"]}


def test_a_command_is_named(alice: User, account: Account) -> None:
    Assistant.objects.create(account=account)

    call_command("ai_control", "disable", "--user", "alice")

    row = last(model="ai_model.assistant", verb="changed")
    assert (row.user, row.name, row.way) == (None, "ai_control", "command")
    assert row.values == {"auto_response": [True, False]}


def test_secrets_are_masked(account: Account) -> None:
    channel = ChatwootChannelFactory(account=account)
    secrets = [str(value) for value in channel.credentials.values()]

    channel.credentials = {**channel.credentials, "bot_token": "a-new-one"}
    channel.save()
    secret = renew_secret(Channel.objects.create(account=account, provider="web"))
    channel.delete()

    kept = str(list(Change.objects.values_list("values", flat=True)))
    assert not any(each in kept for each in [*secrets, "a-new-one", secret])
    assert trail.NEW_MASK in kept


def test_passwords_and_tokens_are_masked(alice: User, account: Account) -> None:
    alice.set_password("quite a new one")
    alice.save()
    token = create_token(user=alice, account=account, name="for the till")
    digest = Token.objects.get().digest
    revoke_tokens(Token.objects.all())

    rows = list(Change.objects.filter(account=account))
    kept = str([(row.values, row.object_id) for row in rows])
    assert not any(each in kept for each in (alice.password, token, digest))
    assert last(model="accounts.user").values == {
        "password": [trail.MASK, trail.NEW_MASK]
    }
    assert last(model="accounts.token").verb == "deleted"


def test_what_the_system_keeps_for_itself_leaves_no_line(account: Account) -> None:
    channel = ChatwootChannelFactory(account=account)
    before = Change.objects.count()

    channel.error = "Refused."
    channel.save()
    account.event_seq = 7
    account.save()

    assert Change.objects.count() == before


def test_human_mode_is_on_the_trail(channel: Channel) -> None:
    set_human_mode(channel=channel, is_on=True)

    assert last(verb="changed").values == {"human_mode": [False, True]}


def test_a_member_who_is_removed_is_on_the_trail(account: Account, bob: User) -> None:
    Membership.objects.filter(user=bob).delete()

    row = last(model="accounts.membership")
    assert (row.account, row.verb) == (account, "deleted")
    assert "bob" in row.subject


def test_rows_that_go_with_their_account_leave_no_lines(
    account: Account, bob: User
) -> None:
    before = Change.objects.count()

    account.delete()

    row = last()
    assert Change.objects.count() == before + 1
    assert (row.verb, row.account, row.subject) == ("deleted", None, "Alice's Shop")


def test_an_action_leaves_one_line_for_all_its_rows(
    client: Client, alice: User, account: Account
) -> None:
    channels = [ChatwootChannelFactory(account=account) for _ in range(3)]
    client.force_login(alice)

    client.post(
        reverse("admin:integrations_channel_changelist"),
        {
            "action": "disable",
            "confirmed": "yes",
            "_selected_action": [each.pk for each in channels],
        },
    )

    row = last(verb="disable")
    assert (row.user, row.values) == (alice, {"count": [None, 3]})
    assert not Channel.objects.filter(is_active=True).exists()


def test_the_trail_is_read_filtered_and_never_written(
    client: Client, alice: User, account: Account, charlie: User
) -> None:
    create_token(user=alice, account=account, name="the till's")
    create_token(user=charlie, account=charlie.accounts.get(), name="charlie's own")
    client.force_login(alice)
    address = reverse("admin:accounts_change_changelist")
    row = last(account=account, model="accounts.token")

    html = client.get(address, {"model": "accounts.token"}).content.decode()
    opened = client.get(reverse("admin:accounts_change_change", args=[row.pk]))

    assert "the till&#x27;s" in html
    assert "charlie" not in html
    assert opened.status_code == 200
    for name in ("change", "delete"):
        posted = client.post(reverse(f"admin:accounts_change_{name}", args=[row.pk]))
        assert posted.status_code == 403
