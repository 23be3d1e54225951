"""An account is given up by its name, and goes batch by batch; a channel keeps its past."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.urls import reverse
from django.utils import timezone

from accounts import closing
from accounts.models import Account, Change, Token, User
from accounts.services import create_token
from accounts.tests.factories import UserFactory
from ai_model.tests.admin_rows import populate
from conversations.models import Conversation, Message
from conversations.tests.factories import ConversationFactory, MessageFactory
from integrations.models import Channel

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows(account: Account, alice: User, bob: User) -> dict[type, Any]:
    return populate(account, alice, "alice")


def give_up(account: Account) -> None:
    """Close it, and let everybody have noticed."""
    closing.close_account(account=account, name=account.name)
    Account.objects.filter(pk=account.pk).update(
        closing_at=timezone.now() - timedelta(minutes=1)
    )


def left_of(account_id: int) -> list[str]:
    """Models that still have rows of this account."""
    return [
        model._meta.label
        for model in apps.get_models()
        if hasattr(model._default_manager, "for_account")
        and model._default_manager.for_account(Account(pk=account_id)).exists()
    ]


def test_all_of_a_closed_account_is_deleted_and_nothing_of_another(
    account: Account, charlie: User, rows: dict[type, Any]
) -> None:
    others = populate(charlie.accounts.get(), charlie, "charlie")
    give_up(account)

    gone = closing.go_on()

    assert gone == 1
    assert left_of(account.pk) == []
    assert all(
        model.objects.filter(pk=row.pk).exists() for model, row in others.items()
    )


def test_people_who_work_nowhere_else_go_and_others_stay(
    account: Account, alice: User, bob: User, charlie: User
) -> None:
    charlie.accounts.get().memberships.create(user=bob, role="support")
    root = UserFactory(member_of=account, is_superuser=True)
    give_up(account)

    closing.go_on()

    kept = set(User.objects.values_list("username", flat=True))
    assert kept == {"bob", "charlie", root.username}


def test_what_a_worker_holds_waits(
    account: Account, rows: dict[type, Any], monkeypatch: Any
) -> None:
    Conversation.objects.update(worker=7)
    give_up(account)
    monkeypatch.setattr(closing, "RUN_S", 0.5)

    first = closing.go_on()
    held = Conversation.objects.filter(account=account).count()
    Conversation.objects.update(worker=None)

    assert (first, held) == (0, 1)
    assert closing.go_on() == 1


def test_nothing_arrives_from_the_moment_it_is_closed(
    account: Account, alice: User, rows: dict[type, Any]
) -> None:
    create_token(user=alice, account=account)

    closing.close_account(account=account, name=account.name)

    assert not Token.objects.filter(account=account).exists()
    assert not Channel.objects.filter(account=account, is_active=True).exists()
    assert all(
        each.credentials == {} for each in Channel.objects.filter(account=account)
    )
    assert closing.go_on() == 0
    row = Change.objects.get(verb="close_account")
    assert (row.account, row.subject) == (None, account.name)


def test_an_owner_closes_by_writing_the_name(
    client: Client, alice: User, account: Account
) -> None:
    client.force_login(alice)
    address = reverse("admin:accounts_account_close", args=[account.pk])

    page = client.get(address)
    refused = client.post(address, {"name": "Somebody's"}, follow=True)
    account.refresh_from_db()
    before = account.closing_at
    client.post(address, {"name": account.name})

    account.refresh_from_db()
    assert "Export everything" in page.content.decode()
    assert "That is not the name" in refused.content.decode()
    assert before is None
    assert account.closing_at is not None


def test_everything_can_be_taken_along_without_secrets(
    client: Client, alice: User, account: Account, rows: dict[type, Any]
) -> None:
    client.force_login(alice)
    address = reverse("admin:accounts_account_export", args=[account.pk])

    body = b"".join(client.post(address).streaming_content).decode()

    lines = [json.loads(line) for line in body.splitlines()]
    kinds = {line["kind"] for line in lines}
    assert {"conversations.message", "knowledge.entry", "ai_model.turn"} <= kinds
    assert "alice message" in body
    assert "bot-token" not in body
    assert client.get(address).status_code == 405


def test_support_does_not_close(client: Client, bob: User, account: Account) -> None:
    bob.is_staff = True
    bob.save()
    client.force_login(bob)
    address = reverse("admin:accounts_account_close", args=[account.pk])

    assert client.post(address, {"name": account.name}).status_code == 404


def test_a_disconnected_channel_keeps_what_was_said(
    client: Client, alice: User, chatwoot: Channel
) -> None:
    conversation = ConversationFactory(channel=chatwoot)
    MessageFactory(conversation=conversation, state=Message.State.WAITING)
    client.force_login(alice)

    client.post(
        reverse("admin:integrations_channel_changelist"),
        {
            "action": "disconnect",
            "confirmed": "yes",
            "_selected_action": [chatwoot.pk],
        },
    )

    chatwoot.refresh_from_db()
    conversation.refresh_from_db()
    assert (chatwoot.is_active, chatwoot.credentials) == (False, {})
    assert (conversation.status, conversation.status_reason) == (
        "closed", "disconnected",
    )  # fmt: skip
    assert Message.objects.get().state == Message.State.IGNORED


def test_a_channel_with_a_past_is_not_deleted(
    client: Client, alice: User, chatwoot: Channel, channel: Channel
) -> None:
    ConversationFactory(channel=chatwoot)
    client.force_login(alice)

    for each in (chatwoot, channel):
        address = reverse("admin:integrations_channel_delete", args=[each.pk])
        client.post(address, {"post": "yes"})

    assert list(Channel.objects.all()) == [chatwoot]
