from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from core.exceptions import InvalidPayload
from integrations import services
from integrations.models import Channel, Event

if TYPE_CHECKING:
    from accounts.models import Account

GOOD = {
    "base_url": "https://chatwoot.example",
    "account_id": "3",
    "bot_token": " bot ",
    "webhook_secret": "hook",
}


def test_a_channel_keeps_its_credentials_encrypted(account: Account) -> None:
    channel = services.create_channel(
        account=account, provider="chatwoot", credentials=GOOD
    )

    channel.refresh_from_db()
    assert channel.name == "Chatwoot"
    assert channel.credentials == {**GOOD, "bot_token": "bot"}


@pytest.mark.parametrize(
    ("provider", "credentials", "said"),
    [
        ("pigeon", {}, "no provider “pigeon”; there are: api, chatwoot"),
        ("api", {"token": "x"}, "api has no “token”; it has: none"),
        (
            "chatwoot",
            {**GOOD, "secret": "x"},
            "chatwoot has no “secret”; it has: base_url",
        ),
        ("chatwoot", {**GOOD, "bot_token": " "}, "“bot_token” is missing"),
        ("chatwoot", {**GOOD, "base_url": "chat.example"}, "must be an address"),
    ],
    ids=["provider", "none", "unknown", "missing", "address"],
)
def test_wrong_credentials_are_named(
    account: Account, provider: str, credentials: dict[str, str], said: str
) -> None:
    with pytest.raises(InvalidPayload, match=said):
        services.create_channel(
            account=account, provider=provider, credentials=credentials
        )

    assert not Channel.objects.exists()


def test_a_new_default_channel_takes_the_place_of_the_former(
    account: Account, channel: Channel
) -> None:
    new = services.create_channel(account=account, provider="web", is_default=True)

    assert Channel.objects.get(is_default=True) == new


def test_only_failed_events_are_read_again(channel: Channel) -> None:
    events = [
        Event.objects.create(
            channel=channel,
            delivery_key=state,
            body="{}",
            state=state,
            attempts=5,
            received_at=timezone.now(),
        )
        for state in Event.State.values
    ]

    assert services.read_again(events) == 1

    again = Event.objects.get(delivery_key="failed")
    assert (again.state, again.attempts) == (Event.State.WAITING, 0)
