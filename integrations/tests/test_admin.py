from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils import timezone

from integrations.models import Channel, Event
from integrations.tests.factories import ChannelFactory

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import Account, User

VALUES = {"name": "Chatwoot", "is_active": "on"}


def change(client: Client, channel: Channel, **values: Any) -> Any:
    return client.post(
        reverse("admin:integrations_channel_change", args=[channel.pk]),
        {**VALUES, **values},
    )


def test_stored_credentials_are_never_shown(
    client: Client, alice: User, chatwoot: Channel
) -> None:
    client.force_login(alice)

    html = client.get(
        reverse("admin:integrations_channel_change", args=[chatwoot.pk])
    ).content.decode()

    assert not [
        value for value in chatwoot.credentials.values() if f'"{value}"' in html
    ]
    assert "set; leave empty to keep it" in html
    assert "not set" in html


def test_an_empty_credential_is_kept_and_an_entered_one_replaces(
    client: Client, alice: User, chatwoot: Channel
) -> None:
    former = chatwoot.credentials
    client.force_login(alice)

    response = change(client, chatwoot, credential_bot_token="new")

    chatwoot.refresh_from_db()
    assert response.status_code == 302
    assert chatwoot.credentials == {**former, "bot_token": "new"}


def test_an_optional_credential_can_be_forgotten(
    client: Client, alice: User, chatwoot: Channel
) -> None:
    client.force_login(alice)

    change(client, chatwoot, forget=["user_token"])

    chatwoot.refresh_from_db()
    assert "user_token" not in chatwoot.credentials


def test_an_active_channel_needs_its_credentials(
    client: Client, alice: User, account: Account
) -> None:
    client.force_login(alice)

    added = client.post(
        reverse("admin:integrations_channel_add"),
        {"account": account.pk, "provider": "chatwoot", "name": "Chatwoot"},
    )

    channel = Channel.objects.get()
    assert added.url == reverse("admin:integrations_channel_change", args=[channel.pk])
    assert not channel.is_active
    refused = change(client, channel)
    assert "is missing" in str(refused.context["errors"])


def test_an_owner_does_not_make_a_channel_the_installations_default(
    client: Client, alice: User, chatwoot: Channel
) -> None:
    client.force_login(alice)

    change(client, chatwoot, is_default="on")

    chatwoot.refresh_from_db()
    assert not chatwoot.is_default


def test_origins_are_written_one_a_line(
    client: Client, alice: User, chatwoot: Channel
) -> None:
    client.force_login(alice)

    refused = change(client, chatwoot, allowed_origins="https://a.example/page")
    change(client, chatwoot, allowed_origins="https://a.example\nhttps://b.example")

    chatwoot.refresh_from_db()
    assert "is not an origin" in str(refused.context["errors"])
    assert chatwoot.allowed_origins == ["https://a.example", "https://b.example"]


def test_a_channel_of_a_provider_that_is_gone_can_be_opened(
    client: Client, alice: User, chatwoot: Channel
) -> None:
    Channel.objects.update(provider="pigeon")
    client.force_login(alice)

    opened = client.get(
        reverse("admin:integrations_channel_change", args=[chatwoot.pk])
    )

    assert opened.status_code == 200


def test_a_failed_event_is_read_again(
    client: Client, alice: User, chatwoot: Channel
) -> None:
    event = Event.objects.create(
        channel=chatwoot,
        delivery_key="1",
        body="{}",
        state=Event.State.FAILED,
        received_at=timezone.now(),
    )
    client.force_login(alice)

    client.post(
        reverse("admin:integrations_event_changelist"),
        {"action": "read_again", "confirmed": "yes", "_selected_action": [event.pk]},
    )

    event.refresh_from_db()
    assert event.state == Event.State.WAITING


def web_channel(account: Account) -> Channel:
    return ChannelFactory(account=account)


def renew(client: Client, *channels: Channel) -> Any:
    return client.post(
        reverse("admin:integrations_channel_changelist"),
        {
            "action": "renew_secret",
            "confirmed": "yes",
            "_selected_action": [each.pk for each in channels],
        },
    )


def test_an_owner_sees_a_new_identity_secret_once(
    client: Client, alice: User, account: Account
) -> None:
    channel = web_channel(account)
    client.force_login(alice)

    html = renew(client, channel).content.decode()

    channel.refresh_from_db()
    secret = channel.credentials["identity_secret"]
    assert secret in html
    page = reverse("admin:integrations_channel_change", args=[channel.pk])
    assert secret not in client.get(page).content.decode()
    renew(client, channel)
    channel.refresh_from_db()
    assert channel.credentials["former_identity_secret"] == secret


def test_nobody_makes_secrets_for_other_accounts_or_providers(
    client: Client, charlie: User, account: Account, chatwoot: Channel
) -> None:
    own = web_channel(charlie.memberships.get().account)
    client.force_login(charlie)

    renew(client, web_channel(account), chatwoot, own)

    made = [
        each for each in Channel.objects.all() if "identity_secret" in each.credentials
    ]
    assert made == [own]


def test_signed_users_only_needs_a_secret(
    client: Client, alice: User, account: Account
) -> None:
    channel = web_channel(account)
    client.force_login(alice)

    refused = change(client, channel, requires_signature="on")
    renew(client, channel)
    change(client, channel, requires_signature="on", rate_limit="5/minute,60/hour")

    channel.refresh_from_db()
    assert "identity secret first" in str(refused.context["errors"])
    assert channel.requires_signature
    assert channel.rate_limit == "5/minute,60/hour"


def test_a_former_secret_can_be_forgotten(
    client: Client, alice: User, account: Account
) -> None:
    channel = web_channel(account)
    client.force_login(alice)
    renew(client, channel)
    renew(client, channel)

    change(client, channel, forget=["former_identity_secret"])

    channel.refresh_from_db()
    assert set(channel.credentials) == {"identity_secret"}


def test_what_is_no_rate_is_refused(
    client: Client, alice: User, account: Account
) -> None:
    channel = web_channel(account)
    client.force_login(alice)

    refused = change(client, channel, rate_limit="many")

    assert "10/minute,60/hour" in str(refused.context["errors"])
